"""The policy is one table, its snapshot is what people read, and a root field that the table forgets does not build.

That the table is also what happens, field by field over HTTP and WebSocket, is tests/isolation/test_guards.py.
"""

import re

import pytest
from tests.snapshots.permissions import REGENERATE, SNAPSHOT, permissions_text

from doorstep.identity.permissions import NEEDS, ROLES, Role
from doorstep.kernel.graphql.guarding import UnguardedField, guard_root_fields
from doorstep.kernel.scope import Permission
from doorstep.schema import build_schema

OPEN = {
    "Query.viewer": "answers null without a credential",
    "Query.tracking": "a recipient's link holds no permission, and is the only credential that it answers (tests/tracking/test_recipient_links.py)",
    "Subscription.tracking": "as Query.tracking",
    "Query.node": "needs what the kind of object needs (test_guards)",
    "Query.nodes": "as node",
}
"""Root fields that need no permission, each with the reason. A mutation here wants a very good one."""

SOLE_RIGHTS = {"audit:read": Role.OWNER, "privacy:write": Role.OWNER}
"""What one role alone may do."""


def test_the_snapshot_is_current() -> None:
    assert permissions_text() == SNAPSHOT.read_text("utf-8"), (
        f"the policy changed: run `{REGENERATE}` and read the diff"
    )


def test_a_change_of_policy_is_a_changed_line() -> None:
    changed = permissions_text({**NEEDS, "Mutation.cancelOrder": Permission.ORDERS_READ}).splitlines()
    [(before, after)] = [
        pair for pair in zip(permissions_text().splitlines(), changed, strict=True) if pair[0] != pair[1]
    ]
    assert re.split(r"\s{2,}", before) == ["Mutation.cancelOrder", "orders:write", "yes", "yes", "yes", "—", "—"]
    assert re.split(r"\s{2,}", after) == ["Mutation.cancelOrder", "orders:read", "yes", "yes", "yes", "yes", "yes"]


def test_every_root_field_has_its_line() -> None:
    schema = build_schema()._schema
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    fields = {f"{root.name}.{name}" for root in roots if root for name in root.fields}
    assert {line.split()[0] for line in SNAPSHOT.read_text("utf-8").splitlines()[1:]} == fields


@pytest.mark.parametrize("missing", ["Query.orders", "Mutation.cancelOrder", "Subscription.events"])
def test_planted_fault_a_field_without_an_entry_does_not_build(missing: str) -> None:
    without = {name: permission for name, permission in NEEDS.items() if name != missing}
    with pytest.raises(UnguardedField, match=re.escape(missing)):
        guard_root_fields(build_schema()._schema, without)


def test_planted_fault_an_entry_without_a_field_does_not_build() -> None:
    with pytest.raises(UnguardedField, match=r"Mutation\.deleteEverything"):
        guard_root_fields(build_schema()._schema, {**NEEDS, "Mutation.deleteEverything": Permission.TENANT_WRITE})


def test_what_needs_no_permission_is_listed_with_its_reason() -> None:
    open_fields = {name for name, permission in NEEDS.items() if permission is None}
    assert open_fields == set(OPEN), "a root field that anybody may use is named in OPEN, with the reason"


def test_roles_are_what_the_product_says() -> None:
    assert ROLES[Role.OWNER] == frozenset(Permission)
    assert ROLES[Role.VIEWER] < ROLES[Role.DISPATCHER] < ROLES[Role.OWNER]
    assert {permission for permission in ROLES[Role.VIEWER] if not permission.value.endswith(":read")} == set()
    assert ROLES[Role.DRIVER] == {Permission.ORDERS_READ, Permission.PLANNING_READ, Permission.TRACKING_WRITE}
    for permission, sole in SOLE_RIGHTS.items():
        assert [role for role, held in ROLES.items() if permission in held] == [sole]
