"""What becomes of planning's columns when a recipient is erased: the places of their stops go, and the ways there and on."""

from doorstep.kernel.erasure import IDS, OURS, STAFF, Clear, Rules, each

_THERE = "id = ANY(ARRAY(SELECT stop_id FROM stop_orders WHERE tenant_id = $1 AND order_id = ANY($2)))"
_NEXT = """id = ANY(ARRAY(
  SELECT following.id FROM stop_orders AS link
  JOIN stops AS here ON here.tenant_id = $1 AND here.id = link.stop_id
  CROSS JOIN LATERAL (
    SELECT stop.id FROM stops AS stop
    WHERE stop.tenant_id = $1 AND stop.route_id = here.route_id AND stop.sequence > here.sequence ORDER BY stop.sequence LIMIT 1
  ) AS following
  WHERE link.tenant_id = $1 AND link.order_id = ANY($2)))"""

RULES = (
    Rules(
        "plans",
        {
            **each(STAFF, "name"),
            **each(OURS, "status", "failure_reason", "network", "map_version", "engine"),
            **each(IDS, "options", "progress", "summary", "baseline"),
        },
    ),
    Rules("plan_orders", each(IDS, "reasons", "relaxations")),
    Rules("routes", {**each(OURS, "status", "network", "map_version"), **each(IDS, "summary")}),
    Rules(
        "stops",
        {
            **each(OURS, "kind", "status", "failure_reason"),
            **each(IDS, "load_after"),
            **each(Clear(), "latitude", "longitude", "leg_path"),
        },
        of_orders=_THERE,
    ),
    Rules("stops", each(Clear(), "leg_path"), of_orders=_NEXT),
)
