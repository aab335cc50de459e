"""What becomes of fleets' columns when a recipient is erased: nothing, since none of them is about one."""

from doorstep.kernel.erasure import IDS, OURS, STAFF, Rules, each

RULES = (
    Rules(
        "depots",
        {
            **each(
                STAFF, "name", "line1", "line2", "city", "region", "postal_code", "formatted", "latitude", "longitude"
            ),
            **each(OURS, "country", "time_zone"),
            **each(IDS, "opening_hours"),
        },
    ),
    Rules("drivers", each(STAFF, "name", "phone", "skills")),
    Rules(
        "vehicles",
        {
            **each(STAFF, "name", "skills", "compartments"),
            **each(OURS, "kind"),
            **each(IDS, "speed_factor", "emissions_grams_per_kilometer"),
        },
    ),
    Rules("shifts", each(IDS, "breaks")),
)
