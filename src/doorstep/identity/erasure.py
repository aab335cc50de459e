"""What becomes of identity's columns when a recipient is erased: nothing, since none of them is about one."""

from doorstep.kernel.erasure import IDS, OURS, SECRET, STAFF, Keep, Rules, each

RULES = (
    Rules(
        "tenants",
        {
            **each(STAFF, "slug", "name"),
            "allowed_origins": Keep("addresses of the tenant's own pages"),
            **each(OURS, "mode", "time_zone", "country", "currency", "locale", "status"),
            "suspended_reason": Keep("the operator's words about the company"),
            **each(IDS, "clock_anchor_wall", "clock_anchor", "clock_rate", "travel_time_factors"),
        },
    ),
    Rules("organizations", each(STAFF, "name")),
    Rules(
        "members",
        {
            **each(STAFF, "email", "name", "issuer", "subject"),
            **each(OURS, "status", "role"),
            **each(IDS, "depot_ids", "driver_ids"),
        },
    ),
    Rules("roles", {**each(STAFF, "name"), **each(OURS, "permissions")}),
    Rules(
        "api_keys",
        {
            **each(STAFF, "name"),
            **each(SECRET, "prefix", "hash", "previous_prefix", "previous_hash"),
            **each(OURS, "scopes"),
            **each(IDS, "depot_ids"),
        },
    ),
    Rules(
        "access_tokens",
        {**each(SECRET, "prefix", "hash"), **each(OURS, "kind", "scopes"), **each(IDS, "depot_ids")},
    ),
    Rules("persisted_documents", each(STAFF, "document_id", "text")),
    Rules("sign_in_providers", each(STAFF, "issuer", "audience")),
    Rules("usage_days", each(IDS, "solver_seconds", "points")),
    Rules("closures", {**each(SECRET, "slug_hash", "export_sha256"), **each(IDS, "exported", "erased")}),
)
