"""What becomes of the address index when a recipient is erased: nothing, since it is the public map, the same for everybody."""

from doorstep.kernel.erasure import Keep, Rules, each

_MAP = Keep("the public map, with nobody in it")

RULES = (
    Rules("map_extracts", each(_MAP, "checksum", "country")),
    Rules(
        "map_names",
        each(
            _MAP,
            "kind",
            "country",
            "name",
            "city",
            "postal_code",
            "latitude",
            "longitude",
            "plain_name",
            "plain_city",
            "plain_code",
        ),
    ),
    Rules("map_houses", each(_MAP, "number", "plain_number", "latitude", "longitude")),
)
