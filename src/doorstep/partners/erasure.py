"""What becomes of partners' tables when a recipient is erased: a tender keeps its price and its end, and forgets the places.

A tender is the merchant's and the carrier's, and neither may rewrite it; emptying it is a function of its own in the database, for the merchant alone.
The carrier's copy of the order is emptied by the relay, which hears of the merchant's erasure.
"""

from doorstep.kernel.erasure import IDS, OURS, SECRET, STAFF, Clear, Rules, each

RULES = (
    Rules(
        "partnerships",
        {
            **each(STAFF, "merchant_name", "carrier_name"),
            **each(OURS, "status", "shared_fields"),
            **each(SECRET, "token_hash"),
        },
    ),
    Rules(
        "tenders",
        {
            **each(OURS, "status", "reason", "currency", "dropoff_country"),
            **each(IDS, "dropoff_windows"),
            **each(Clear(), "pickup", "dropoff_postal_code", "dropoff_city"),
        },
        of_orders="merchant_order_id = ANY($2)",
        by="SELECT doorstep_empty_tenders($1, $2)",
    ),
    Rules("tender_queues", each(IDS, "offers")),
)
