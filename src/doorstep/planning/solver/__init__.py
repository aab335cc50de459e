"""The solver: turns orders, vehicle shifts and travel times into routes. Pure: it knows no database, no web, no tenant.

Reading order
-------------
``load``        what orders take up, and what vehicles hold.
``problem``     what is asked: orders, vehicle shifts, travel times; nothing invalid can be constructed.
``relations``   what orders have to do with each other: together, apart, in sequence.
``solution``    what is answered: routes with timed steps, what stayed unassigned, sums.
``travel``      whole seconds and metres of every leg, per vehicle; unreachable pairs are marked, never guessed.
``estimate``    how much work a problem is, and the options that fit the machine and the wait; what a plan may aim at.
``vroom``       the translation to VROOM's document and integer matrices, and back.
``child``       the program of the engine's process; the only file that touches pyvroom.
``process``     one engine run in one process that can be killed at any time.
``decompose``   large problems: neighbouring stops into groups, groups into runs, routes into better routes.
``ranking``     which of two plans is better, by the objective; what lateness weighs.
``lateness``    soft windows out of hard ones (``softening`` has the runs), and times as punctual as a sequence can be.
``evening``     balance: orders moved from long routes to short ones.
``thrift``      cost: orders moved so that nobody is paid for waiting.
``touring``     several tours of one shift: what no engine knows of, out of the single tours that they make.
``refining``    the three together, after the engines.
``relating``    relations kept on top of the engines: who goes with whom, and ``reordering`` puts deliveries in sequence.
``verify``      our own evaluation of every rule; no plan leaves the solver without passing it.
``baseline``    the same orders without optimization, for comparison.
``unassigned``  why an order was not placed, vehicle by vehicle.
``sequence``    what a vehicle does, act by act; ``schedule`` times it: everything early, breaks late.
``relaxing``    what can give so that an order finds a place, and how much that is.
``insertion``   every place in a finished sequence, and what would have to give there at least.
``easing``      the smallest of these that holds before the verifier.
``handwork``    a sequence by hand, timed whatever breaks; one order put where it costs least.
``settling``    routes under way made cheaper, where changing a promise has a price.
``outcome``     what a solve tells while it goes on, and how it ended.
``pool``        the door: ``SolverPool.solve`` runs all of the above without blocking the event loop.

Words
-----
A *task* is one visit that serves an order: a delivery, or one of the two ends of a pickup-and-delivery.
All times are whole seconds since ``Problem.epoch``; all loads, distances and durations are whole numbers.
"""
