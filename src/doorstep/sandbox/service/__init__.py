"""Use cases of the sandbox: the only writer of its tables.

- ``clock``    the TEST tenant's own clock, and the door that keeps LIVE tenants out
- ``starting`` a simulation of a route or of one order, and its cancellation
- ``staging``  a robot with vehicle, shift and route for an order that is on none
- ``declining`` a robot that declines an offer in a carrier's name
- ``rows``     the rows of simulations
- ``playing``  the next act of a simulation, in one transaction
- ``proving``  the proofs that an order asks for, made up
"""

from doorstep.sandbox.service.clock import DRIVE, set_sandbox_clock
from doorstep.sandbox.service.declining import decline_offer
from doorstep.sandbox.service.playing import fail_simulation, play
from doorstep.sandbox.service.starting import EndingDraft, cancel_simulation, simulate_order, simulate_route

__all__ = [
    "DRIVE",
    "EndingDraft",
    "cancel_simulation",
    "decline_offer",
    "fail_simulation",
    "play",
    "set_sandbox_clock",
    "simulate_order",
    "simulate_route",
]
