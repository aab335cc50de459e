"""The image's own steps in a plain folder, as an ordinary user, where no container engine is at hand.

What this shows: the install line works from the files that the image copies, the process comes up with the image's
environment, its health check passes, SIGTERM ends it in time; and compose's migrate, api and worker work together on
an external PostgreSQL 18. What it cannot show is the base image and the engine.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.build.image_file import HOME, INSTALLED, REPOSITORY, read_image, read_services

from doorstep.kernel.postgres.cluster import EmbeddedCluster

pytestmark = [pytest.mark.release, pytest.mark.timeout(900)]
SECRETS = {
    "POSTGRES_PASSWORD": "administrator1",
    "DOORSTEP_APP_PASSWORD": "app1",
    "DOORSTEP_SYSTEM_PASSWORD": "system1",
    "DOORSTEP_SECRET_KEYS": "0f" * 32,
}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Container:
    """The image's file system as folders: ``installed`` stands for /opt/doorstep, ``home`` for the volume."""

    installed: Path
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        """The image's environment, moved to these folders and to free ports."""
        path = f"{self.installed}/bin:{os.environ['PATH']}"
        image = {name: value.replace(HOME, str(self.home)) for name, value in read_image().environment.items()}
        ports = {"DOORSTEP_PORT": str(free_port()), "DOORSTEP_METRICS_PORT": str(free_port())}
        return {**image, "PATH": path, "HOME": str(self.home), **ports, **more}

    def start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a command as the image would: its user is not root."""
        account = ordinary_account()
        program = [f"{self.installed}/bin/{command[0]}", *command[1:]]
        return subprocess.Popen(program, cwd=self.home, env=environment, start_new_session=True, **account)

    @contextlib.contextmanager
    def running(self, command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A process that gets SIGTERM at the end and has to go within the 30 s that the files promise."""
        process = self.start(command, environment)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def ordinary_account() -> dict[str, Any]:
    """Arguments of Popen that run a program as somebody without privileges."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


def public_python() -> Path:
    """An interpreter that an ordinary user can run, too: root's own may lie in a private folder."""
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin/python3")):
        with contextlib.suppress(OSError):
            script = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
            attempt = subprocess.run([candidate, "-c", script], cwd="/", check=False, **ordinary_account())
            if attempt.returncode == 0:
                return candidate
    pytest.skip("no Python from 3.11 on that an ordinary user can run")


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """The install line of the image, run in a copy of the files that it copies."""
    room = Path(tempfile.mkdtemp(prefix="doorstep-image-"))
    room.chmod(0o755)
    source, home = room / "src", room / "home"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    (source / "infra").mkdir()
    shutil.copy(REPOSITORY / "infra" / "constraints.txt", source / "infra")
    unneeded = shutil.ignore_patterns("__pycache__", "node_modules", "static")
    shutil.copytree(REPOSITORY / "src", source / "src", ignore=unneeded)
    (room / "bin").mkdir()
    (room / "bin" / "python3").symlink_to(public_python())
    search_path = {**os.environ, "PATH": f"{room / 'bin'}:{os.environ['PATH']}"}
    install = read_image().install.replace(INSTALLED, str(room / "opt"))
    subprocess.run(["sh", "-ec", install], cwd=source, env=search_path, check=True, timeout=600)
    home.mkdir(mode=0o755)
    if ordinary_account():
        shutil.chown(home, "nobody")
    yield Container(room / "opt", home)
    shutil.rmtree(room, ignore_errors=True)


def until_healthy(
    container: Container,
    checked: subprocess.Popen[bytes],
    check: list[str],
    environment: dict[str, str],
    within: float = 90.0,
) -> None:
    """Run a health check until it passes; what it checks must not end meanwhile."""
    deadline = time.monotonic() + within
    while True:
        if container.start(check, environment).wait(30) == 0:
            return
        assert checked.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "the health check did not pass"
        time.sleep(1)


def test_the_image_serves_by_itself(container: Container) -> None:
    image = read_image()
    environment = container.environment()
    with container.running([*image.entrypoint, *image.command], environment) as serving:
        until_healthy(container, serving, image.health, environment)


def filled_in(template: str, address: str) -> str:
    """A value of the compose file with its variables, and with this machine's database for the service of that name."""
    value = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: SECRETS.get(m[1], m[2] or ""), template)
    return value.replace("@database/", f"@{address}/")


def test_composes_services_work_on_an_external_database(container: Container) -> None:
    services = read_services()
    home = Path(tempfile.mkdtemp(prefix="doorstep-external-"))
    home.chmod(0o755)
    try:
        with EmbeddedCluster.start(home) as external:
            compose_story(container, services, external)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def compose_story(container: Container, services: dict[str, dict[str, Any]], external: EmbeddedCluster) -> None:
    """Migrate, then API and worker side by side until both are healthy."""
    external.create_database("compose")
    administrator, _, rest = external.url("superuser", "compose").rpartition("@")
    address = rest.partition("/")[0]

    def settings(service: str) -> dict[str, str]:
        values = {name: filled_in(str(value), address) for name, value in services[service]["environment"].items()}
        values = {name: value.replace("/doorstep", "/compose") for name, value in values.items()}
        if "DATABASE_OWNER_URL" in values:
            values["DATABASE_OWNER_URL"] = f"{administrator}@{address}/compose"
        # The embedded server that plays the external one has its roles already, with passwords of its own.
        values["DATABASE_URL"] = external.url("app", "compose")
        values["DATABASE_SYSTEM_URL"] = external.url("system", "compose")
        return container.environment(**{k: v for k, v in values.items() if k.startswith("DATABASE") or v})

    migrating = container.start(["doorstep", *services["migrate"]["command"]], settings("migrate"))
    assert migrating.wait(120) == 0
    api, worker = settings("api"), settings("worker")
    with (
        container.running(["doorstep", *services["api"]["command"]], api) as serving,
        container.running(["doorstep", *services["worker"]["command"]], worker) as working,
    ):
        check = services["worker"]["healthcheck"]["test"][1:]
        port = worker["DOORSTEP_METRICS_PORT"]
        until_healthy(container, working, [part.replace("9464", port) for part in check], worker)
        until_healthy(container, serving, read_image().health, api)
