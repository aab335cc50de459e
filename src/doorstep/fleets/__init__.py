"""Fleets: depots, vehicles, drivers, shifts.

A *depot* is where vehicles start and where stock waits; it always has a point near a road. A *vehicle* carries a load along the roads of
its kind. A *driver* is a person who drives. A *shift* puts a driver, usually with a vehicle, on the road from a depot for a time, with breaks.

Invariants: neither a driver nor a vehicle has two shifts at the same time; nothing archived gets into a shift; nothing that a present or
coming shift needs is archived. Whoever writes a shift locks its driver and vehicle first, so that two racing shifts cannot both pass.
A change that matters to planning (a smaller van, a moved depot) raises the version of the shifts it touches, so that plans made before it are stale.
"""
