"""The shape of the tree: small files with honest names, imports at the top, nothing of one machine in what is committed."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "doorstep"

LONGEST_FILE = 400
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
TOP_LEVEL = {
    ".ci",
    ".env.example",
    ".gitignore",
    "LICENSE",
    "README.md",
    "infra",
    "pyproject.toml",
    "schema.graphql",
    "src",
    "tests",
}
# Written so that this line does not match itself.
REGISTRIES = re.compile(r"pythonhosted\.or[g]|registry\.npm[j]s|//pypi\.or[g]|deb\.debian\.or[g]")
ONE_MACHINE = re.compile(r"(?<![\w.])/(?:work|farm|root|tmp)/[a-z]")
GENERATED = {"package-lock.json"}
MADE_BY_A_PROGRAM = "// Made by "


def sources(*suffixes: str) -> list[Path]:
    """Our own source files, without what was installed or built."""
    return [
        path
        for folder in ("src", "tests")
        for suffix in suffixes
        for path in sorted((REPOSITORY / folder).rglob(f"*{suffix}"))
        if not {"node_modules", "static"} & set(path.parts)
    ]


def tracked() -> list[Path]:
    """The committed files."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git clone: there is no list of committed files")
    said = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in said.stdout.split("\0") if name]


def lines_matching(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Where a pattern occurs, as file:line."""
    found = []
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:120]}")
    return found


def imports_inside_functions(tree: ast.AST) -> Iterator[int]:
    """Line numbers of the imports that a function hides."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield inner.lineno


def test_no_file_outgrows_one_sitting() -> None:
    long = {
        str(path.relative_to(REPOSITORY)): length
        for path in sources(".py", ".ts", ".tsx")
        if (length := len((text := path.read_text("utf-8")).splitlines())) > LONGEST_FILE
        and not text.startswith(MADE_BY_A_PROGRAM)
    }
    assert long == {}, f"longer than {LONGEST_FILE} lines: make a package of the same import path"


def test_names_say_what_is_inside() -> None:
    nameless = [
        str(path.relative_to(REPOSITORY))
        for path in sources(".py", ".ts", ".tsx")
        if SAYS_NOTHING & {path.stem, *path.relative_to(REPOSITORY).parts}
    ]
    assert nameless == []


def test_imports_stand_at_the_top() -> None:
    # A solver engine is loaded in its child process alone, so only there an import may wait.
    hidden = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in sources(".py")
        if PACKAGE in path.parents and PACKAGE / "planning" / "solver" not in path.parents
        for line in imports_inside_functions(ast.parse(path.read_text("utf-8")))
    ]
    assert hidden == []


def test_a_hidden_import_is_seen() -> None:
    assert list(imports_inside_functions(ast.parse("async def f():\n    if True:\n        import os\n"))) == [3]


def test_committed_files_name_no_registry_and_no_machine() -> None:
    paths = [path for path in tracked() if path.name != Path(__file__).name]
    assert lines_matching(REGISTRIES, paths) == []
    assert lines_matching(ONE_MACHINE, [path for path in paths if path.name not in GENERATED]) == []


def test_a_registry_and_a_machine_path_are_seen(tmp_path: Path) -> None:
    assert REGISTRIES.search("resolved: https://registry.npm" + "js.example/x")
    assert ONE_MACHINE.search("see " + "/" + "root/notes")
    assert not ONE_MACHINE.search("src/work/orders")


def test_the_top_level_holds_only_what_was_agreed() -> None:
    assert {path.relative_to(REPOSITORY).parts[0] for path in tracked()} <= TOP_LEVEL


def test_lock_files_hold_no_addresses() -> None:
    locks = [path for path in tracked() if path.name == "package-lock.json"]
    assert locks
    assert lines_matching(re.compile(r'"resolved"\s*:'), locks) == []
