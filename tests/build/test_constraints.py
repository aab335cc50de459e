"""infra/constraints.txt pins what pyproject.toml asks for, within its ranges, and names no place to fetch it from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
ASKED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]


def pins() -> dict[str, Version]:
    """Pinned versions by canonical name."""
    lines = (REPOSITORY / "infra" / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, _, version in pairs}


@pytest.mark.parametrize("text", ASKED, ids=lambda text: re.split(r"[^\w.-]", text)[0])
def test_what_is_asked_for_is_pinned_within_its_range(text: str) -> None:
    requirement = Requirement(text)
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_pins_are_plain() -> None:
    lines = (REPOSITORY / "infra" / "constraints.txt").read_text("utf-8").splitlines()
    odd = [line for line in lines if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    assert odd == []
