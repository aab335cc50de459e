"""README's "Your own first day": its blocks are taken from the page and run, one after the other, in one shell."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def first_day_script() -> str:
    """The shell blocks between the page's two markers."""
    page = README.read_text()
    part = page.partition("<!-- first-day:")[2].partition("<!-- first-day: end -->")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    return "set -e\n" + "\n".join(blocks)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="doorstep-first-day-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_first_day_of_the_readme_ends_with_a_delivered_order(home):
    if shutil.which("curl") is None:
        pytest.skip("the README's first day uses curl, which is not installed")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DOORSTEP_HOME": str(home),
        "DOORSTEP_PORT": str(free_port()),
        "DOORSTEP_METRICS_PORT": "0",
    }
    # To a file: a pipe would stay open for as long as any process that the steps leave behind.
    with (home / "said.txt").open("w+") as said:
        shell = subprocess.Popen(
            ["bash", "-c", first_day_script()], cwd=README.parent, env=environment, stdin=subprocess.DEVNULL,
            stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            shell.wait(timeout=170)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
        said.seek(0)
        text = said.read()
    log = home / "serve.log"
    assert shell.returncode == 0, text[-3000:] + (log.read_text()[-3000:] if log.exists() else "")
    assert '"to":"DELIVERED"' in text
