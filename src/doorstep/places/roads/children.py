"""Programs that we start and that never outlive us: each runs on the leash of `leash.py`."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LEASH: Final = str(Path(__file__).with_name("leash.py"))


@dataclass(frozen=True, slots=True)
class Child:
    """A running program; `output` is what it prints and complains, and must be read or it stops."""

    process: Process
    output: asyncio.StreamReader

    @classmethod
    async def start(cls, command: Sequence[str], folder: Path | None = None) -> Child:
        """Start a program (with its whole path) in a folder. It is killed when this process dies, however it dies."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _LEASH, str(os.getpid())),
            *command,
            cwd=folder,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,  # Ctrl-C in our terminal is for us; we then end our children in good order
        )
        if process.stdout is None:
            raise RuntimeError("a pipe was asked for")
        return cls(process, process.stdout)

    async def end(self, patience_seconds: float) -> None:
        """Ask it to end, kill it when it does not within the patience (at once for 0), and wait for it."""
        if self.process.returncode is not None:
            return
        with suppress(ProcessLookupError, TimeoutError):
            if patience_seconds:
                self.process.terminate()
                await asyncio.wait_for(self.process.wait(), patience_seconds)
                return
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
