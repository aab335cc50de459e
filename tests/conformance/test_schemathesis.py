"""schemathesis asks everything that the schema offers, of a company that has one thing of each kind: no answer is a fault of ours."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conformance.gate import REPOSITORY, SCHEMA
from tests.isolation.stages import Stage, open_stage

from doorstep.kernel.postgres.cluster import EmbeddedCluster

SEED = "20270301"
EACH_PUSH, BEFORE_A_RELEASE = 12, 80
"""Documents of each root field."""


@pytest.fixture
async def stage(cluster: EmbeddedCluster, template: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(cluster, template, tmp_path) as opened:
        yield opened


async def asked(stage: Stage, folder: Path, *options: str, seconds: float = 170) -> tuple[int, str, dict[str, int]]:
    """Run schemathesis to its end: its exit status, what it said, and how many answers there were of each sort."""
    desk = await stage.desk("asked")
    tally = folder / "tally.json"
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.conformance.schemathesis_hooks",
        "SCHEMATHESIS_IDS": json.dumps(sorted(one for one in desk.ids.values() if "_" in one)),
        "SCHEMATHESIS_TALLY": str(tally),
        "PYTHONPATH": str(REPOSITORY),
    }
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"), "run", str(SCHEMA), "--url", stage.server.graphql_url,
        "-H", f"Authorization: Bearer {await stage.key('asked')}", "-c", "no_server_fault", "--phases", "fuzzing", "--mode", "all",
        "--seed", SEED, "--generation-database", "none", "--continue-on-failure", "--no-shrink",
        "--no-color", "--warnings", "off", *options,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said.decode(), json.loads(tally.read_text()) if tally.is_file() else {}


def check(status: int, said: str, tally: dict[str, int], least: int) -> None:
    assert status == 0, said[-6000:]
    answers = sum(tally.values()) - tally["answered"]
    assert answers >= least, (said[-1000:], tally)
    # What is refused at the door says nothing about what is behind it.
    assert tally["answered"] >= answers // 4, tally
    assert not any(sort.startswith(("401", "429")) for sort in tally), tally


async def test_a_sample_of_every_root_field_meets_no_fault_of_ours(stage: Stage, tmp_path: Path) -> None:
    check(*await asked(stage, tmp_path, "-n", str(EACH_PUSH)), least=95 * EACH_PUSH // 2)


@pytest.mark.release
@pytest.mark.timeout(3600)
async def test_the_whole_schema_meets_no_fault_of_ours(stage: Stage, tmp_path: Path) -> None:
    check(*await asked(stage, tmp_path, "-n", str(BEFORE_A_RELEASE), seconds=3500), least=95 * BEFORE_A_RELEASE // 2)
