"""Getting OSRM's programs onto a machine, and what is said where that cannot be."""

import platform
import subprocess
from pathlib import Path

import pytest

from doorstep.places.errors import EngineMissing, EngineUnsupported
from doorstep.places.roads import programs


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Python 3.11, where the wheel cannot be a dependency."""
    monkeypatch.setattr(programs, "PACKAGE", "osrm-bindings-of-nobody")


def test_the_programs_run(store: Path) -> None:
    found = programs.require(store)
    said = subprocess.run([found.routed, "--version"], capture_output=True, text=True, check=True)
    assert programs.VERSION in said.stdout + said.stderr


def test_installing_again_changes_nothing(store: Path) -> None:
    steps: list[str] = []
    first = programs.require(store)
    assert programs.install(store, lambda label, done: steps.append(label)) == first
    assert steps == []


def test_half_an_engine_is_none_and_is_replaced(store: Path, tmp_path: Path) -> None:
    engine = tmp_path / "roads" / "engine" / "bin"
    engine.mkdir(parents=True)
    (engine / "osrm-routed").touch(0o755)
    assert programs._at(tmp_path / "roads" / "engine", programs.VERSION) is None
    found = programs.install(tmp_path)
    assert found.extract.is_file()
    assert not list((tmp_path / "roads").glob(".engine-*"))


def test_offline_the_remedy_is_named(without_wheel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EngineMissing, match="doorstep roads install"):
        programs.install(tmp_path)
    assert programs.find(tmp_path) is None


@pytest.mark.parametrize(("system", "machine"), [("Linux", "riscv64"), ("Windows", "amd64"), ("Darwin", "x86_64")])
def test_other_platforms_are_told_so(
    without_wheel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(EngineUnsupported, match=f"{system} on {machine}"):
        programs.install(tmp_path)


def test_an_old_c_library_is_told_so(without_wheel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with pytest.raises(EngineUnsupported, match=r"glibc 2\.28"):
        programs.install(tmp_path)
