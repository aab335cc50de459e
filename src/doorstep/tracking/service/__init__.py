"""Use cases of tracking: the only writer of its tables.

- ``acts``       a driver's act at a stop, from the device's report to everything that follows from it
- ``showing``    the proofs that came with an act, and the attempts that it ended
- ``arrivals``   when the stops ahead will be reached
- ``positions``  where the vehicles are
- ``links``      the links by which recipients follow their orders
"""

from doorstep.tracking.service.acts import DriverAct, advance_stop
from doorstep.tracking.service.links import link_tokens, may_read_links, revoke_tracking
from doorstep.tracking.service.positions import PositionGiven, forget_positions, report_positions
from doorstep.tracking.service.showing import keep_attempts, keep_proofs, write_proofs

__all__ = [
    "DriverAct", "PositionGiven", "advance_stop", "forget_positions", "keep_attempts", "keep_proofs", "link_tokens", "may_read_links",
    "report_positions", "revoke_tracking", "write_proofs",
]  # fmt: skip
