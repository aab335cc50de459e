"""The build hook: built once for the same inputs, never a failed install, one line on a machine that cannot run us."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """The hook's module, loaded by path as hatchling loads it."""
    spec = importlib.util.spec_from_file_location("portal_build", REPOSITORY / "src" / "portal" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a portal of two files."""
    portal = tmp_path / "src" / "portal"
    portal.mkdir(parents=True)
    (tmp_path / "src" / "doorstep").mkdir()
    (portal / "package.json").write_text("{}")
    (portal / "main.ts").write_text("export {};")
    return tmp_path


class CountingBuild:
    """Stands where npm and Vite are started: this test is about when, not about how."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.times = 0
        self.problem = problem

    def __call__(self, _portal: Path, built: Path, _time_limit_seconds: float) -> None:
        self.times += 1
        if self.problem is not None:
            raise self.problem
        for name in ("graphiql", "portal", "driver", "track"):
            (built / name).mkdir(parents=True)
            (built / name / "index.html").write_text(f"build {self.times}")


def page(build: ModuleType, root: Path) -> str:
    """What both pages show: these builds make them alike."""
    [text] = {(root / build.OUTPUT / name / "index.html").read_text("utf-8") for name in build.PAGES}
    return str(text)


def test_the_same_inputs_are_built_once(build: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = CountingBuild()
    monkeypatch.setattr(build, "run_vite", counting)
    build.build_pages(root)
    (root / "src" / "portal" / "node_modules").mkdir()
    (root / "src" / "portal" / "node_modules" / "left.js").write_text("no input")
    os.utime(root / "src" / "portal" / "main.ts", (0, 0))
    build.build_pages(root)
    assert counting.times == 1

    (root / "src" / "portal" / "main.ts").write_text("export { };")
    build.build_pages(root)
    assert counting.times == 2
    assert page(build, root) == "build 2"


def test_a_renamed_input_is_another_build(build: ModuleType, root: Path) -> None:
    portal = root / "src" / "portal"
    before = build.checksum_of(portal)
    (portal / "main.ts").rename(portal / "other.ts")
    assert build.checksum_of(portal) != before


@pytest.mark.parametrize("damage", ["graphiql/index.html", "portal/index.html", "build.json"])
def test_a_damaged_output_is_built_again(
    build: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    counting = CountingBuild()
    monkeypatch.setattr(build, "run_vite", counting)
    build.build_pages(root)
    (root / build.OUTPUT / damage).unlink()
    build.build_pages(root)
    assert counting.times == 2


def test_a_failed_build_leaves_a_page_that_says_how(
    build: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "run_vite", CountingBuild(build.PagesNotBuiltError("no <network> today")))
    said = build.build_pages(root)
    assert "no <network> today" in said
    assert "pip install" in page(build, root)
    assert "no &lt;network&gt; today" in page(build, root)

    healed = CountingBuild()
    monkeypatch.setattr(build, "run_vite", healed)
    build.build_pages(root)
    assert page(build, root) == "build 1"
    assert sorted(path.name for path in (root / build.OUTPUT).parent.iterdir()) == ["pages"]


def test_a_build_that_hangs_is_stopped_with_its_children(build: ModuleType, tmp_path: Path) -> None:
    note = tmp_path / "child"
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    with pytest.raises(build.PagesNotBuiltError, match="was stopped"):
        build.run_in_time([sys.executable, "-c", script], tmp_path, dict(os.environ), time.monotonic() + 3)
    assert is_gone(int(note.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended within a few seconds; one that nobody waited for counts as ended."""
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        try:
            if status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_what_a_failing_command_said_is_in_the_message(build: ModuleType, tmp_path: Path) -> None:
    script = "import sys; print('the reason'); sys.exit(3)"
    with pytest.raises(build.PagesNotBuiltError, match="the reason"):
        build.run_in_time([sys.executable, "-c", script], tmp_path, dict(os.environ), time.monotonic() + 30)


@pytest.mark.parametrize(
    ("system", "machine", "libc", "needs"),
    [
        ("linux", "x86_64", ("glibc", "2.34"), None),
        ("linux", "x86_64", ("glibc", "2.41"), None),
        ("linux", "aarch64", ("glibc", "2.36"), None),
        ("darwin", "arm64", ("", ""), None),
        ("linux", "x86_64", ("glibc", "2.31"), "glibc 2.34"),
        ("linux", "x86_64", ("", ""), "musl"),
        ("linux", "riscv64", ("glibc", "2.39"), "riscv64"),
        ("win32", "amd64", ("", ""), "Linux or macOS"),
    ],
)
def test_an_unfit_machine_gets_one_line(
    build: ModuleType, system: str, machine: str, libc: tuple[str, str], needs: str | None
) -> None:
    said = build.missing_from_machine(system, machine, libc)
    if needs is None:
        assert said is None
    else:
        assert needs in said
        assert "\n" not in said


@pytest.mark.parametrize(("python", "fits"), [((3, 10), False), ((3, 11), True), ((3, 14), True), ((3, 15), False)])
def test_an_unfit_python_gets_one_line(build: ModuleType, python: tuple[int, int], fits: bool) -> None:
    said = build.missing_from_machine("linux", "x86_64", ("glibc", "2.36"), python)
    assert (said is None) == fits
    assert said is None or said.startswith("Doorstep needs Python 3.11 to 3.14; this is 3.1")


def test_the_pythons_are_those_of_the_metadata(build: ModuleType) -> None:
    metadata = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    oldest, newest = build.OLDEST_PYTHON, build.NEWEST_PYTHON
    assert f'requires-python = ">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"' in metadata


def test_an_install_on_an_unfit_machine_stops_before_it_looks_for_dependencies(tmp_path: Path) -> None:
    # Under pip this backend offers no shortcut to the metadata: the wheel is built before dependencies are resolved.
    script = (
        "import os, platform\n"
        f"os.chdir({str(REPOSITORY)!r})\n"
        "platform.libc_ver = lambda *_: ('glibc', '2.31')\n"
        "from hatchling.build import build_wheel\n"
        f"build_wheel({str(tmp_path)!r})\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [
        "Doorstep needs glibc 2.34 or newer (Debian 12, Ubuntu 22.04, RHEL 9); this machine has 2.31."
    ]


def test_the_pages_of_this_installation_are_built_from_these_sources(build: ModuleType) -> None:
    stamp = json.loads((REPOSITORY / build.OUTPUT / build.STAMP).read_text("utf-8"))
    current = build.checksum_of(REPOSITORY / "src" / "portal")
    assert stamp["inputs"] == current, "src/portal has changed since: run pip install -e . again"
