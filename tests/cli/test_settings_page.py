"""``.env.example`` and the settings say the same."""

import re
from pathlib import Path

from doorstep.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / ".env.example"


def test_every_setting_is_documented_and_nothing_else():
    documented = set(re.findall(r"^#?([A-Z_]+)=", PAGE.read_text(), re.MULTILINE))
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert documented == settings


def test_an_empty_value_counts_as_left_out(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("DOORSTEP_PORT", "")
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert settings.database_url is None
    assert settings.port == 8000
