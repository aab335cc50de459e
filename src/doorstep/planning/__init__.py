"""Planning: from open orders and shifts to routes that drivers work.

It owns plans, routes, stops and assignments.

- A **plan** is one optimization over orders and shifts. It is a proposal: nothing about an order or a vehicle changes before it is committed,
  and committing checks that its orders and shifts are still as it saw them.
- A **route** is one shift's ordered stops. Its ``version`` counts every change that somebody else than its driver makes, and is what the
  driver's acts carry.
- A **stop** is one place and time on a route, for one or more orders. At DEPOT_START, and at each RELOAD of a shift that may make several tours, lie the
  orders that are loaded there.
- An **assignment** says that an order is on a committed route. At most one per order is active, whatever races: a partial unique index.

Waiting for roads or the solver never happens inside a transaction: a job (``jobs``), or the first half of ``assign_orders``, reads a snapshot,
computes, and then writes in one transaction that checks that what it saw still holds.
"""
