"""schema.graphql before graphql-eslint, and its changes before graphql-inspector."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema
from tests.clients.nodejs import Node, find_node, install_packages
from tests.conformance.gate import SCHEMA, Accepted, deprecations, landed, removal_day, unannounced

CHECKS = Path(__file__).resolve().parent / "schema_checks"
TODAY = date(2027, 7, 1)
OLD = """
type Query { route(id: ID!, old: Int @deprecated(reason: "Ask `id`. Removed on 2027-06-30.")): Route legacy: Legacy @deprecated(reason: "Ask route. Removed on 2027-06-30.") }
type Route { id: ID! km: Float @deprecated(reason: "Ask `metres`. Removed on 2027-09-30.") status: Status }
type Legacy { id: ID! }
enum Status { PLANNED GONE @deprecated(reason: "Never happens. Removed on 2027-06-30.") }
input Move { to: ID! by: Int }
"""


@pytest.fixture(scope="session")
def checks() -> Node:
    """Node, with the packages that schema_checks locks."""
    node = find_node()
    install_packages(node, CHECKS)
    return node


def said(node: Node, script: str, *paths: Path) -> Any:
    done = node.run(script, *map(str, paths), folder=CHECKS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_schema_passes_the_linter_and_no_exception_is_idle(checks: Node) -> None:
    assert said(checks, "lint.mjs", SCHEMA) == {"wrong": [], "idle": []}


def test_the_linter_sees_what_breaks_its_rules(checks: Node, tmp_path: Path) -> None:
    planted = tmp_path / "schema.graphql"
    planted.write_text(f'{SCHEMA.read_text()}\n\ntype bad_name {{\n  """Bare."""\n  field_x: Int\n}}\n')
    wrong = " ".join(said(checks, "lint.mjs", planted)["wrong"])
    for rule in ("naming-convention", "require-description", "strict-id-in-types", "no-unreachable-types"):
        assert f"graphql-eslint/{rule}" in wrong


def broken(node: Node, folder: Path, before: str, after: str) -> list[dict[str, str]]:
    old, new = folder / "old.graphql", folder / "new.graphql"
    old.write_text(before)
    new.write_text(after)
    found: list[dict[str, str]] = said(node, "diff.mjs", old, new)
    return found


def test_nothing_that_clients_use_is_broken_without_notice(checks: Node, tmp_path: Path) -> None:
    """Announce it with ``@deprecated(reason: "…. Removed on YYYY-MM-DD.")``, or name it in gate.ACCEPTED with the reason."""
    before = landed()
    if before is None:
        pytest.skip("Git holds no schema to compare with here: a clone of depth 1, or no clone")
    breaking = broken(checks, tmp_path, before.text, SCHEMA.read_text())
    today = date.today()  # noqa: DTZ011 - a day of removal has no time zone
    assert unannounced(breaking, build_schema(before.text), landed_on=before.day, today=today) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("metres", "metres", []),
        ("km: Float", "", ["Field 'km' (deprecated) was removed from object type 'Route'"]),  # its day has not come
        ("status: Status", "", ["Field 'status' was removed from object type 'Route'"]),
        ("status: Status", "status: Status since: Int", []),
        ("id: ID! km", "id: Int! km", ["Field 'Route.id' changed type from 'ID!' to 'Int!'"]),
        ("by: Int }", "by: Int! }", ["Input field 'Move.by' changed type from 'Int' to 'Int!'"]),
        ("PLANNED", "", ["Enum value 'PLANNED' was removed from enum 'Status'"]),
        ('GONE @deprecated(reason: "Never happens. Removed on 2027-06-30.")', "", []),
        (', old: Int @deprecated(reason: "Ask `id`. Removed on 2027-06-30.")', "", []),
        ('legacy: Legacy @deprecated(reason: "Ask route. Removed on 2027-06-30.") }', "}", []),
    ],
)
def test_a_planted_breaking_change_is_caught(checks: Node, tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    after = OLD.replace(old, new)
    if "legacy" in old:
        after = after.replace("type Legacy { id: ID! }", "")
    breaking = broken(checks, tmp_path, OLD, after)
    assert unannounced(breaking, build_schema(OLD), landed_on=TODAY, today=TODAY) == told


def test_an_accepted_break_is_accepted_once(checks: Node, tmp_path: Path) -> None:
    breaking = broken(checks, tmp_path, OLD, OLD.replace("status: Status", ""))
    accepted = (Accepted("Route.status", TODAY, "nobody could ask for it"),)
    before = build_schema(OLD)
    assert unannounced(breaking, before, landed_on=TODAY, today=TODAY, accepted=accepted) == []
    later = date(2027, 7, 2)
    assert len(unannounced(breaking, before, landed_on=later, today=later, accepted=accepted)) == 1


def test_every_deprecation_names_the_day_of_its_removal() -> None:
    nameless = {
        place: why for place, why in deprecations(build_schema(SCHEMA.read_text())).items() if not removal_day(why)
    }
    assert nameless == {}
