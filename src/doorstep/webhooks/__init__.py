"""Webhooks: a tenant's events, delivered to addresses of its own, at least once and in order, signed by Standard Webhooks.

An **endpoint** is an address with a filter, two live secrets at most and a **cursor** in the tenant's log. A **delivery** is one event on its way
to one endpoint; the cursor moves in the transaction that writes the deliveries, so a worker that is killed at any moment loses nothing.

- At most 1,000 deliveries of an endpoint are open; then its cursor waits. Replaying puts the cursor back, and marks what it makes.
- Deliveries of one order (or route, or plan) leave one after the other, in the log's order; a failing one holds back only its own order, until it
  is **parked** after the last try. What follows says so (``missedBefore``).
- An endpoint that failed for 20 different events in a row is **DOWN**: everything waits, one probe follows the schedule, a success lets it go on.
- Every endpoint has a lane of its own with at most four requests in flight: one that is dead delays no other.
- The payload is what a subscription would show: of the event's facts alone, or of a stored document, with the scopes that its creator granted.
- The connection goes to an address that was checked to be global (``model/addresses.py``), and follows no redirect.

Read ``model/policy.py`` first, then ``service/turning.py``, ``service/claiming.py`` and ``service/settling.py``; ``jobs`` sends.
"""
