"""What becomes of tracking's columns when a recipient is erased: what drivers wrote and showed goes, what happened stays."""

from doorstep.kernel.erasure import IDS, OURS, Clear, Keep, Rules, each

_POSITION = Keep("where a vehicle was last, overwritten by its next report; retention has a class of its own for it")

RULES = (
    Rules(
        "proofs",
        {
            **each(OURS, "kind"),
            **each(
                Clear(), "latitude", "longitude", "distance_from_target_meters", "barcode", "recipient_name", "note"
            ),
        },
        of_orders="order_id = ANY($2)",
    ),
    Rules("attempts", {**each(OURS, "outcome", "reason"), "note": Clear()}, of_orders="order_id = ANY($2)"),
    Rules(
        # A device made the act's id of whatever it liked, and the fingerprint of the act with everything in it.
        "stop_acts",
        {
            **each(OURS, "act"),
            **each(IDS, "outcome"),
            "act_id": Clear("'erased ' || gen_random_uuid()"),
            "fingerprint": Clear("''::bytea"),
        },
        of_orders="stop_id = ANY(ARRAY(SELECT stop_id FROM stop_orders WHERE tenant_id = $1 AND order_id = ANY($2)))",
    ),
    Rules("tracking_links", {"hash": Clear()}, of_orders="order_id = ANY($2)", marks={"generation": "generation + 1"}),
    Rules(
        "vehicle_positions",
        each(_POSITION, "latitude", "longitude", "heading_degrees", "speed_meters_per_second", "accuracy_meters"),
    ),
)
