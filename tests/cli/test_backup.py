"""``backup`` and ``restore`` on an embedded database: what they refuse, and that a failure leaves everything as it was."""

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.faults.conftest import Home, home, homes, new_home, original  # noqa: F401 (fixtures)

from doorstep import cli
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import ServerFailed
from doorstep.kernel.postgres.folder import ClusterFolder
from doorstep.settings import get_settings

KEYS = "secret.keys"
WORDS = {"old": "11" * 32, "new": "22" * 32}


@pytest.fixture
def embedded(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Iterator[Run]:  # noqa: F811
    """Runs a command on the home; answers exit code, output and errors."""
    for name in ("DATABASE_URL", "DATABASE_SYSTEM_URL", "DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORSTEP_HOME", str(home.path))
    (home.path / KEYS).write_text(WORDS["old"] + "\n")
    (home.path / "blobs" / "a").mkdir(parents=True)
    (home.path / "blobs" / "a" / "photo").write_bytes(b"proof")

    def run(*arguments: str) -> tuple[int, str, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["doorstep", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.run()
        said = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    yield run
    get_settings.cache_clear()


def slugs(run: Run) -> list[str]:
    return [tenant["slug"] for tenant in json.loads(run("tenant", "list", "--json")[1])]


def manifest_of(file: Path) -> dict[str, object]:
    with tarfile.open(file) as tar:
        return json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]


def rewritten(file: Path, **changes: object) -> Path:
    """The same backup with another manifest."""
    other = file.with_name("other.backup")
    with tarfile.open(file) as tar, tarfile.open(other, "w") as out:
        for member in tar:
            content = tar.extractfile(member).read()  # type: ignore[union-attr]
            if member.name == "manifest.json":
                content = json.dumps({**json.loads(content), **changes}).encode()
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return other


def test_a_backup_holds_database_keys_and_blobs_and_goes_into_an_empty_home(
    embedded: Run,
    home: Home,  # noqa: F811
    homes: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    code, out, _ = embedded("backup", "one.backup")
    assert (code, "sha256" in out) == (0, True)
    file = tmp_path / "one.backup"
    assert file.stat().st_mode & 0o777 == 0o600
    assert {part["name"] for part in manifest_of(file)["parts"]} == {"base.tar.gz", "pg_wal.tar.gz", "files.tar.gz"}  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir()] == ["one.backup"], "nothing is left beside it"
    taken = file.read_bytes()
    code, _, said = embedded("backup", "one.backup")
    assert (code, "choose another file" in said, file.read_bytes() == taken) == (1, True, True)

    there = homes / "elsewhere"
    monkeypatch.setenv("DOORSTEP_HOME", str(there))
    assert embedded("restore", "one.backup")[0] == 0
    assert slugs(embedded) == ["drill"]
    assert (there / KEYS).read_text() == WORDS["old"] + "\n"
    assert (there / KEYS).stat().st_mode & 0o777 == 0o600
    assert (there / "blobs" / "a" / "photo").read_bytes() == b"proof"
    assert not list((there / "postgres").glob("data?*"))


def test_only_with_force_it_replaces_and_then_everything(embedded: Run, home: Home) -> None:  # noqa: F811
    embedded("backup", "one.backup")
    embedded("tenant", "create", "later")
    (home.path / KEYS).write_text(WORDS["new"] + "\n")
    (home.path / "blobs" / "later").touch()
    code, _, said = embedded("restore", "one.backup")
    assert (code, "--force" in said, "later" in slugs(embedded)) == (1, True, True)
    with EmbeddedCluster.start(home.path):
        code, _, said = embedded("restore", "one.backup", "--force")
    assert (code, "in use" in said, "later" in slugs(embedded)) == (1, True, True)
    assert embedded("restore", "one.backup", "--force")[0] == 0
    assert slugs(embedded) == ["drill"]
    assert (home.path / KEYS).read_text() == WORDS["old"] + "\n"
    assert (home.path / f"{KEYS}.before-restore").read_text() == WORDS["new"] + "\n", "keys are never thrown away"
    assert [path.name for path in (home.path / "blobs").iterdir()] == ["a"]


def test_what_is_no_whole_backup_of_this_doorstep_is_refused_and_nothing_is_touched(
    embedded: Run,
    home: Home,  # noqa: F811
    tmp_path: Path,
) -> None:
    embedded("backup", "one.backup")
    file = tmp_path / "one.backup"
    whole = file.read_bytes()
    half, flipped, text = (tmp_path / name for name in ("half", "flipped", "text"))
    half.write_bytes(whole[: len(whole) // 2])
    flipped.write_bytes(whole[:1_000_000] + bytes([whole[1_000_000] ^ 1]) + whole[1_000_001:])
    text.write_text("no backup\n" * 1000)
    wanted = {
        str(half): "cannot be restored", str(flipped): "checksum", str(text): "no backup", str(tmp_path / "none"): "No such file",
    }  # fmt: skip
    for changes, words in (
        ({"format": 2}, "format 2"),
        ({"revision": "9999"}, "newer Doorstep"),
        ({"postgres": "17.2"}, "PostgreSQL 17"),
        ({"parts": []}, "no database"),
        ({"parts": "x"}, "manifest is damaged"),
    ):
        code, _, said = embedded("restore", str(rewritten(file, **changes)), "--force")
        assert (code, words in said) == (1, True), said
    for name, words in wanted.items():
        code, _, said = embedded("restore", name, "--force")
        assert (code, words in said) == (1, True), said
    assert slugs(embedded) == ["drill"]
    assert not list((home.path / "postgres").glob("data?*"))


def test_when_the_restored_database_does_not_start_what_was_there_comes_back(
    embedded: Run,
    home: Home,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedded("backup", "one.backup")
    embedded("tenant", "create", "later")
    (home.path / KEYS).write_text(WORDS["new"] + "\n")
    with monkeypatch.context() as broken:
        broken.setattr("doorstep.kernel.postgres.backup._RECOVERY", "no_such_setting = 1\n")
        code, _, said = embedded("restore", "one.backup", "--force")
    assert (code, "PostgreSQL failed" in said) == (1, True), said
    assert "later" in slugs(embedded)
    assert (home.path / KEYS).read_text() == WORDS["new"] + "\n"


def test_a_restore_that_was_killed_between_two_renames_has_changed_nothing(embedded: Run, home: Home) -> None:  # noqa: F811
    data = ClusterFolder(home.path / "postgres").data
    data.rename(data.with_name("data.before-restore"))
    assert slugs(embedded) == ["drill"]


def test_an_external_database_is_none_of_its_business(doorstep: Run) -> None:
    for name in ("backup", "restore"):
        code, _, said = doorstep(name, "one.backup")
        assert (code, "new-epoch" in said) == (1, True)


def test_a_copy_that_fails_says_why_and_leaves_no_file(
    embedded: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise ServerFailed("copying its data", "no room", tmp_path)

    monkeypatch.setattr(EmbeddedCluster, "copy_to", full)
    code, _, said = embedded("backup", "one.backup")
    assert (code, "no room" in said) == (1, True)
    assert list(tmp_path.iterdir()) == []
