"""Members and roles."""

import asyncio

import pytest
from tests.identity.conftest import Client, Place

from doorstep.identity.model import TenantMode
from doorstep.kernel.ids import parse_id


async def invited(company: Client, **values) -> str:
    given = {"email": "ada@example.org", "name": "Ada", "role": "OWNER", **values}
    member_id: str = (await company.do("inviteMember", "member { id }", **given))["member"]["id"]
    return member_id


async def signed_in(company: Client, member_id: str) -> None:
    """As the first sign-in leaves a member."""
    async with company.system.transaction() as tx:
        await tx.execute(
            "UPDATE members SET status = 'ACTIVE', issuer = 'i', subject = id::text WHERE id = $1",
            parse_id("member", member_id),
        )


async def test_a_member_is_invited_changed_and_removed(company: Client):
    shown = "member { id email name status role permissions version depotIds driverIds customRole { name } }"
    made = (await company.do("inviteMember", shown, email="Ada@Example.ORG", name="Ada", role="DISPATCHER"))["member"]
    assert (made["email"], made["status"], made["role"], made["version"]) == (
        "ada@example.org",
        "INVITED",
        "DISPATCHER",
        1,
    )
    assert "orders:write" in made["permissions"]
    role = (
        await company.do("createRole", "role { id name permissions }", name="Night desk", permissions=["orders:read"])
    )["role"]
    depot = await company.depot()
    changed = (
        await company.do("updateMember", shown, id=made["id"], roleId=role["id"], depotIds=[depot], ifVersion=1)
    )["member"]
    assert (changed["role"], changed["customRole"], changed["permissions"]) == (
        None,
        {"name": "Night desk"},
        ["orders:read"],
    )
    assert (changed["depotIds"], changed["version"]) == ([depot], 2)
    assert (await company.call("updateMember", "member { version }", id=made["id"], name="B", ifVersion=1))["problems"][
        0
    ]["code"] == "CONFLICT"
    assert await company.refused("deleteRole", id=role["id"]) == [("IN_USE", "id")]
    await company.do("removeMember", "member { status }", id=made["id"])
    assert (await company.ask("{ members { totalCount } }"))["members"]["totalCount"] == 0
    await company.do("deleteRole", "__typename", id=role["id"])
    # The address is free again, and the removed one stays in the records.
    assert await invited(company) != made["id"]
    assert (await company.ask("{ members(includeRemoved: true) { totalCount } }"))["members"]["totalCount"] == 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"email": "nobody"}, ("INVALID_EMAIL", "email")),
        ({"role": None}, ("INVALID_VALUE", "role")),
        ({"roleId": "role_00000000000000000000000000"}, ("INVALID_VALUE", "role")),
        ({"role": None, "roleId": "role_00000000000000000000000000"}, ("NOT_FOUND", "roleId")),
        ({"role": "DRIVER"}, ("REQUIRED", "driverId")),
        ({"role": "DRIVER", "driverId": "driver_00000000000000000000000000"}, ("NOT_FOUND", "driverId")),
        ({"driverId": "driver_00000000000000000000000000"}, ("EXCEEDS_RIGHTS", "driverId")),
    ],
)
async def test_bad_members_are_refused(company: Client, values, expected):
    given = {"email": "a@example.org", "name": "A", "role": "VIEWER", **values}
    assert await company.refused("inviteMember", **given) == [expected]


async def test_an_address_is_one_member(company: Client):
    await invited(company)
    assert await company.refused("inviteMember", email="ADA@example.org", name="B", role="VIEWER") == [
        ("DUPLICATE", "email")
    ]


async def test_the_last_owner_stays(company: Client):
    first = await invited(company)
    await signed_in(company, first)
    for change in ({"mutation": "updateMember", "role": "ADMIN"}, {"mutation": "removeMember"}):
        values = {"id": first, **{name: value for name, value in change.items() if name != "mutation"}}
        assert await company.refused(change["mutation"], **values) == [("LAST_OWNER", "id")]
    # One who has never signed in is no way back.
    second = await invited(company, email="eve@example.org")
    assert await company.refused("removeMember", id=first) == [("LAST_OWNER", "id")]
    await signed_in(company, second)
    await company.do("removeMember", "member { status }", id=first)
    assert await company.refused("removeMember", id=second) == [("LAST_OWNER", "id")]


async def test_of_two_owners_who_remove_each_other_one_stays(company: Client):
    pair = [await invited(company, email=f"{name}@example.org") for name in ("a", "b")]
    for one in pair:
        await signed_in(company, one)
    answers = await asyncio.gather(*(company.call("removeMember", "__typename", id=one) for one in pair))
    assert sorted(len(answer["problems"]) for answer in answers) == [0, 1]


async def test_rights_are_not_handed_up(company: Client):
    admin = await company.key("members:write", "orders:read")
    owner = await invited(company)
    assert await admin.refused("inviteMember", email="x@example.org", name="X", role="OWNER") == [
        ("EXCEEDS_RIGHTS", "role")
    ]
    assert await admin.refused("removeMember", id=owner) == [("EXCEEDS_RIGHTS", "id")]
    assert await admin.refused("createRole", name="Mine", permissions=["keys:write"]) == [
        ("EXCEEDS_RIGHTS", "permissions")
    ]
    role = (await company.do("createRole", "role { id }", name="Theirs", permissions=["keys:write"]))["role"]["id"]
    assert await admin.refused("updateRole", id=role, permissions=["orders:read"]) == [("EXCEEDS_RIGHTS", "id")]


@pytest.mark.parametrize("name", ["Owner", "driver", "", "x" * 101])
async def test_a_role_needs_a_name_of_its_own(company: Client, name):
    [(_, path)] = await company.refused("createRole", name=name, permissions=["orders:read"])
    assert path == "name"


async def test_settings_change_and_bad_ones_do_not(company: Client):
    shown = "tenant { name timeZone country currency locale version policies { completeWithoutArrival } }"
    changed = await company.do(
        "updateTenant", shown, name="Shop", timeZone="Atlantic/Bermuda", country=None, currency="CHF", locale="de-CH",
        policies={"completeWithoutArrival": True}, ifVersion=1,
    )  # fmt: skip
    assert changed["tenant"] == {
        "name": "Shop", "timeZone": "Atlantic/Bermuda", "country": None, "currency": "CHF", "locale": "de-CH", "version": 2,
        "policies": {"completeWithoutArrival": True},
    }  # fmt: skip
    assert await company.refused("updateTenant", locale="Deutsch") == [("INVALID_VALUE", "locale")]
    assert await company.refused("updateTenant", country="XX") == [("INVALID_VALUE", "country")]
    assert await company.refused("updateTenant", name="A", ifVersion=1) == [("CONFLICT", "ifVersion")]
    assert (
        await company.code('mutation { updateTenant(input: { currency: "euro" }) { problems { code } } }')
        == "GRAPHQL_VALIDATION_FAILED"
    )


_VAN = {"profile": "VAN", "factor": 1.5}
_TRAVEL_TIMES = "tenant { version policies { travelTimes { profile weekdays fromHour untilHour factor } } }"


async def test_travel_times_are_set_as_a_whole_and_nonsense_is_refused(company: Client):
    rush = {"profile": "VAN", "weekdays": [1, 5], "fromHour": 7, "untilHour": 9, "factor": 1.5}
    given = [rush, {"profile": "BICYCLE", "factor": 0.5}]
    changed = await company.do("updateTenant", _TRAVEL_TIMES, policies={"travelTimes": given})
    every_day = {"profile": "BICYCLE", "weekdays": [1, 2, 3, 4, 5, 6, 7], "fromHour": 0, "untilHour": 24, "factor": 0.5}
    assert changed["tenant"]["policies"]["travelTimes"] == [rush, every_day]
    for wrong, place in (
        ({**_VAN, "factor": 3.5}, "factor"),
        ({**_VAN, "factor": 0.4}, "factor"),
        ({**_VAN, "fromHour": 9, "untilHour": 9}, "untilHour"),
        ({**_VAN, "fromHour": -1}, "untilHour"),
        ({**_VAN, "untilHour": 25}, "untilHour"),
        ({**_VAN, "weekdays": []}, "weekdays"),
        ({**_VAN, "weekdays": [8]}, "weekdays"),
        ({**rush, "fromHour": 8, "untilHour": 10, "weekdays": [5, 6]}, ""),
    ):
        path = f"policies.travelTimes.1.{place}".removesuffix(".")
        refused = await company.refused("updateTenant", policies={"travelTimes": [rush, wrong]})
        assert refused == [("INVALID_VALUE", path)], wrong
    many = [{"profile": "CAR", "weekdays": [1], "fromHour": 1, "factor": 1}] * 101
    assert await company.refused("updateTenant", policies={"travelTimes": many}) == [
        ("TOO_MANY_ITEMS", "policies.travelTimes")
    ]
    emptied = await company.do("updateTenant", _TRAVEL_TIMES, policies={"travelTimes": []})
    assert emptied["tenant"] == {"version": changed["tenant"]["version"] + 1, "policies": {"travelTimes": []}}


async def test_a_sandbox_s_key_changes_nothing_of_the_organization(place: Place):
    sandbox = await place.company(TenantMode.TEST)
    before = await sandbox.written()
    invite = (
        'mutation { inviteMember(input: { email: "a@example.org", name: "A", role: OWNER }) { problems { code } } }'
    )
    assert await sandbox.code(invite) == "FORBIDDEN"
    role = 'mutation { createRole(input: { name: "A", permissions: ["orders:read"] }) { problems { code } } }'
    assert await sandbox.code(role) == "FORBIDDEN"
    assert await sandbox.written() == before


async def test_an_owner_is_never_limited(company: Client):
    depot, owner = await company.depot(), await invited(company)
    assert await company.refused("updateMember", id=owner, depotIds=[depot]) == [("INVALID_VALUE", "depotIds")]
    values = {"email": "b@example.org", "name": "B"}
    assert await company.refused("inviteMember", **values, role="OWNER", depotIds=[depot]) == [
        ("INVALID_VALUE", "depotIds")
    ]
    viewer = await invited(company, email="v@example.org", role="VIEWER", depotIds=[depot])
    assert await company.refused("updateMember", id=viewer, role="OWNER") == [("INVALID_VALUE", "depotIds")]
    await company.do("updateMember", "member { role depotIds }", id=viewer, role="OWNER", depotIds=None)
