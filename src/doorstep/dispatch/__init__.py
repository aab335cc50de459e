"""On-demand dispatch, for tenants that switch it on (`Policies.dispatch`): orders go to couriers on duty as they come in, without a plan.

Owns offers to drivers. Its words: a *courier* is a shift on duty with its driver and vehicle; a *round* looks at every courier and every order that
waits, and improves the present routes with them in one warm run of the solver.

Invariants, whatever races (other rounds, people who assign or commit plans, drivers):
- an order has one offer that waits or was accepted (a partial unique index), and one active assignment (another one, of planning);
- what a round computed is written only if the shift, its route and the orders are as it saw them, under their locks, so that no courier is loaded
  beyond capacity, and the number of orders that a courier may have is counted under the shift's lock.
"""
