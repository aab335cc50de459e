"""The sandbox: TEST tenants have a clock that can be set ahead, and robots that drive.

An integrator tests every status and every event without a driver: ``simulateOrder`` takes one order to a chosen end, ``simulateRoute`` drives a
route as planned. A **simulation** is one robot's work on one route, or its answer to one offer in a partner carrier's name; an **ending** is what
becomes of an order; a **robot** is a driver with a vehicle that the sandbox makes for orders that are on no route.

- Everything a robot does goes through the use cases that a real driver's phone reaches, with every proof that is asked for.
- What comes next follows from the route as it stands (``model.robot``, pure), so a simulation goes on after any crash, and beside other hands.
- An act happens at its own instant on the sandbox's clock, in order, also when the clock jumps past many of them.
- An act and the simulation's progress are one transaction behind the simulation's lock: whoever runs it, and however often, nothing is done twice.
- LIVE tenants are refused, and nothing is written; nor is anything answered in a LIVE carrier's name.

It owns simulations and robots. Read ``model/robot.py`` first, then ``service/playing.py``.
"""
