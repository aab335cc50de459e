"""What becomes of webhooks' columns when a recipient is erased: what receivers answered about their orders goes.

Deliveries hold no payload: it is made anew for each try, from what is known then.
"""

from doorstep.kernel.erasure import IDS, OURS, STAFF, Clear, Keep, Rules, each

_SEALED = Keep("a secret of an endpoint, encrypted")

RULES = (
    Rules(
        "webhook_endpoints",
        {
            **each(STAFF, "name", "url", "document"),
            **each(OURS, "event_types", "scopes", "status", "reason"),
            **each(_SEALED, "secret", "previous_secret"),
        },
    ),
    Rules(
        "webhook_deliveries",
        {
            **each(OURS, "type", "origin", "state", "fault"),
            **each(IDS, "seq"),
            "answer": Clear(),
        },
        of_orders="order_id = ANY($2) AND answer IS NOT NULL",
    ),
)
