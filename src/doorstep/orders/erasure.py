"""What becomes of an order when its recipient is erased: when, how heavy and how it ended stay, who and where go.

The country stays, as the coarsest place there is; windows stay, since without a place and a name a time is nobody's.
"""

from doorstep.kernel.erasure import EMPTIED, IDS, OURS, Clear, Rules, each

RULES = (
    Rules(
        "order_waypoints",
        {
            **each(OURS, "role", "country", "location_check", "location_reason"),
            **each(IDS, "windows"),
            **each(EMPTIED, "line1", "city", "formatted"),
            **each(Clear(), "line2", "region", "postal_code", "latitude", "longitude", "road_distance_meters"),
            **each(Clear(), "contact_name", "contact_phone", "contact_email", "instructions", "access_code"),
        },
        of_orders="order_id = ANY($2)",
    ),
    Rules("packages", each(Clear(), "barcode", "description", "compartment"), of_orders="order_id = ANY($2)"),
    Rules(
        "orders",
        {
            **each(
                OURS,
                "kind",
                "status",
                "custody",
                "location_status",
                "readiness",
                "vehicle_kinds",
                "proof_kinds",
                "status_reason",
            ),
            **each(Clear(), "reference", "display_reference", "carrier_reference", "pin"),
            "required_skills": Clear("'[]'::jsonb"),
            "compartments": Clear("'{}'::jsonb"),
            "metadata": Clear("'{}'::jsonb"),
        },
        of_orders="id = ANY($2)",
        marks={"erased_at": "now()", "version": "version + 1", "updated_at": "now()"},
    ),
)
