"""Packages in front of strangers are not older than the repair of every hole that is known of them, installed and as constraints name them."""

import re
from importlib import metadata

import pytest
from packaging.version import Version
from tests.conftest import REPOSITORY

FLOORS = {
    "strawberry-graphql": {
        "CVE-2024-47082 (multipart forged from other sites)": "0.243.0",
        "CVE-2026-35523 (no credential asked on the old WebSocket protocol)": "0.312.3",
        "CVE-2026-35526 (subscriptions without number)": "0.312.3",
        "CVE-2026-47706, -47707 (limits that follow fragments in circles, or past them)": "0.315.7",
        "CVE-2026-107728 (a permission that is awaitable counts as given)": "0.326.1",
        "CVE-2026-107727 (slots of the old WebSocket protocol leak)": "0.327.2",
        "any origin opens a WebSocket": "0.341.2",
    },
    "graphql-core": {
        "CVE-2026-75507 (overlapping fields), -75508 (comments escape the limit of tokens)": "3.3.0",
        "CVE-2026-119286 (memory of each aborted validation)": "3.3.1",
        "four more that stall parser and validation": "3.3.2",
    },
    "starlette": {
        "CVE-2025-54121 (a large form stalls the loop)": "0.47.2",
        "CVE-2025-62727 (Range in quadratic time)": "0.49.1",
        "CVE-2026-48710 (the Host header changes the URL)": "1.0.1",
        "CVE-2026-48817 (a method names any attribute)": "1.1.0",
        "CVE-2026-54282, -54283 (a path moves the host; limits of forms)": "1.3.1",
    },
    "h11": {"CVE-2025-43859 (smuggled chunks)": "0.16.0"},
    "uvicorn": {
        "CVE-2020-7694, -7695 (forged log lines, split headers)": "0.11.7",
        "no flow control on WebSockets": "0.54.0",
    },
    "websockets": {
        "CVE-2018-1000518 (decompression bomb)": "5.0",
        "CVE-2021-33880 (passwords by timing)": "9.1",
    },
    "python-multipart": {
        "CVE-2024-24762, -53981, and of 2026 -24486, -40347, -42561, -53538 to -53540": "0.0.31",
    },
}
"""Package → hole → the first version without it. ``python-multipart`` is not needed; where it is installed it must be sound."""


@pytest.mark.parametrize(("package", "hole"), [(package, hole) for package, holes in FLOORS.items() for hole in holes])
def test_no_known_hole_is_installed(package: str, hole: str) -> None:
    try:
        installed = metadata.version(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    assert Version(installed) >= Version(FLOORS[package][hole])


@pytest.mark.parametrize("package", FLOORS)
def test_constraints_name_no_older_version(package: str) -> None:
    pinned = re.search(
        rf"^{re.escape(package)}==(\S+)", (REPOSITORY / "infra" / "constraints.txt").read_text("utf-8"), re.MULTILINE
    )
    if pinned is not None:
        assert Version(pinned[1]) >= max(map(Version, FLOORS[package].values()))


def test_an_old_version_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault."""
    monkeypatch.setattr(metadata, "version", lambda _package: "0.312.2")
    with pytest.raises(AssertionError):
        test_no_known_hole_is_installed(
            "strawberry-graphql", "CVE-2026-35523 (no credential asked on the old WebSocket protocol)"
        )
