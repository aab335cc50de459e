"""What becomes of identity's columns when a recipient is erased: nothing, since none of them is about one."""

from doorstep.kernel.erasure import IDS, OURS, SECRET, STAFF, Rules, each

RULES = (
    Rules(
        "tenants",
        {
            **each(STAFF, "slug", "name"),
            **each(OURS, "mode", "time_zone", "country", "currency"),
            **each(IDS, "clock_anchor_wall", "clock_anchor", "clock_rate"),
        },
    ),
    Rules("api_keys", {**each(STAFF, "name"), **each(SECRET, "prefix", "hash"), **each(OURS, "scopes")}),
)
