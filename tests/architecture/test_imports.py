"""The import contracts of pyproject.toml hold, and each of them catches a planted fault."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(repository: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts on the package of a folder that looks like the repository."""
    return subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=repository,
        env={"PYTHONPATH": str(repository / "src"), "PATH": "", "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in a folder of its own, to plant faults in."""
    folder = tmp_path_factory.mktemp("architecture")
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    unneeded = shutil.ignore_patterns("static", "__pycache__")
    shutil.copytree(REPOSITORY / "src" / "doorstep", folder / "src" / "doorstep", ignore=unneeded)
    return folder


def type_checking_imports(tree: ast.AST) -> list[str]:
    """Modules of ours that are imported for the type checker alone, which the contracts leave out."""
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    imports = [node for block in blocks for node in ast.walk(block) if isinstance(node, ast.ImportFrom)]
    return [node.module for node in imports if node.module is not None and node.module.startswith("doorstep.")]


def test_between_slices_only_graphql_leaves_imports_to_the_type_checker() -> None:
    hidden = {
        str(path.relative_to(REPOSITORY)): modules
        for path in sorted((REPOSITORY / "src" / "doorstep").rglob("*.py"))
        if "graphql" not in {path.stem, *path.parts}
        if (modules := type_checking_imports(ast.parse(path.read_text("utf-8"))))
        if any(module.split(".")[1] not in path.parts for module in modules)
    }
    assert hidden == {}


def test_every_contract_is_kept() -> None:
    result = lint_imports(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "fault", "contract"),
    [
        ("kernel/ids.py", "from doorstep.orders import model as _m", "Imports point down the stack"),
        ("fleets/errors.py", "from doorstep.fleets import model as _m", "Inside a slice"),
        ("orders/model.py", "import strawberry as _s", "Only graphql and http modules"),
        ("planning/solver/problem.py", "import doorstep.kernel.ids as _k", "planning.solver is pure"),
        ("worker.py", "import vroom as _v", "Nobody imports a solver engine"),
        ("planning/solver/pool.py", "import pyvrp as _p", "Nobody imports a solver engine"),
    ],
)
def test_a_planted_import_is_caught(copy: Path, module: str, fault: str, contract: str) -> None:
    path = copy / "src" / "doorstep" / module
    if not path.is_file():
        path = path.with_suffix("") / "__init__.py"
    before = path.read_text("utf-8")
    path.write_text(f"{before}\n{fault}\n", "utf-8")
    try:
        result = lint_imports(copy)
    finally:
        path.write_text(before, "utf-8")
    assert result.returncode != 0
    assert any(line.startswith(contract) and "BROKEN" in line for line in result.stdout.splitlines()), result.stdout


def test_a_module_outside_the_layers_is_caught(copy: Path) -> None:
    stray = copy / "src" / "doorstep" / "orders" / "somewhere.py"
    stray.write_text('"""A file that the layout does not know."""\n', "utf-8")
    try:
        result = lint_imports(copy)
    finally:
        stray.unlink()
    assert result.returncode != 0
    assert "somewhere" in result.stdout
