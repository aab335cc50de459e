"""Tracking: what happens in the field, as the driver's device reports it.

An **act** (DEPART, ARRIVE, COMPLETE, FAIL, SKIP) at a stop is judged by pure rules (``model.rules``) against the route as it stands, and moves the
stop, its orders and the route in one transaction; a **proof** (``model.proofs``) shows an outcome; an **attempt** is one try and how it ended; a
**position** is where a vehicle was last. A **link** lets a recipient follow one order, and see no more of it than concerns them. After each act the arrival times ahead are estimated anew (``model.eta``).

Invariants: an act has one effect however often it is reported; a late act is merged by its own time and never moves a state backwards; no order
is DELIVERED without every proof that it asks for; a refusal writes nothing.

Read ``model/rules.py`` first, then ``service/acts.py``.
"""
