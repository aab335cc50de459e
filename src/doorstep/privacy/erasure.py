"""The rules of all slices together, in the order in which they are carried out."""

from doorstep.dispatch import erasure as dispatch
from doorstep.fleets import erasure as fleets
from doorstep.identity import erasure as identity
from doorstep.kernel import erasure as kernel
from doorstep.kernel.erasure import IDS, OURS, Keep, Rules, each
from doorstep.messages import erasure as messages
from doorstep.orders import erasure as orders
from doorstep.partners import erasure as partners
from doorstep.places import erasure as places
from doorstep.planning import erasure as planning
from doorstep.sandbox import erasure as sandbox
from doorstep.tracking import erasure as tracking
from doorstep.webhooks import erasure as webhooks

_OWN = (
    Rules(
        "erasures",
        {
            **each(OURS, "actor_kind", "cause"),
            **each(IDS, "order_ids", "counts"),
            "request_hash": Keep("a keyed hash that shows that a request was met, and cannot be read back"),
        },
    ),
)

ALL: tuple[Rules, ...] = (
    *kernel.RULES,
    *identity.RULES,
    *places.RULES,
    *fleets.RULES,
    *partners.RULES,
    *tracking.RULES,
    *planning.RULES,
    *orders.RULES,
    *sandbox.RULES,
    *webhooks.RULES,
    *messages.RULES,
    *dispatch.RULES,
    *_OWN,
)
