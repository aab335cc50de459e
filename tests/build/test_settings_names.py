"""Every setting that a file of ours names exists, and every setting is documented: a misspelt one would do nothing."""

import re
from pathlib import Path

import pytest

from doorstep.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\b(?:DOORSTEP|DATABASE)_[A-Z0-9_]+\b")
# Read by the files themselves, not by Doorstep: compose's passwords, the variables of the README's steps.
NOT_OURS = {"DOORSTEP_APP_PASSWORD", "DOORSTEP_SYSTEM_PASSWORD", "DOORSTEP_KEY", "DOORSTEP_URL"}


def settings_names() -> set[str]:
    """The environment variables that Doorstep reads."""
    return {str(field.validation_alias) for field in Settings.model_fields.values()}


@pytest.mark.parametrize("name", ["README.md", ".env.example", "infra/compose.yaml", "infra/Containerfile"])
def test_named_settings_exist(name: str) -> None:
    named = set(NAME.findall((REPOSITORY / name).read_text("utf-8")))
    assert named - settings_names() - NOT_OURS == set()


def test_every_setting_is_in_the_example() -> None:
    documented = set(NAME.findall((REPOSITORY / ".env.example").read_text("utf-8")))
    assert settings_names() - documented == set()
