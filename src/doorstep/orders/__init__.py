"""Orders: one thing to deliver, or to fetch and deliver, for one recipient.

An order keeps one id for life: through re-attempts and returns. It owns its waypoints (the two ends: address, point, contact, windows; the
only place of an order's personal data) and its packages.

Invariants
- ``status`` moves only as ``model.TRANSITIONS`` allows, and only through ``service.move_orders`` or ``service.cancel_order``; each move bumps
  ``version`` and writes its ``OrderStatusChanged`` in the same transaction. Beside it, ``custody`` says who holds the goods.
- ``reference`` is unique in the tenant when given, whatever races.
- An order whose address could not be found for sure is NEEDS_LOCATION: it exists, but stays out of plans until ``update_order`` cures it.
- An order that a partner carrier has (``given_tender_id``) moves only by its slice, partners; who gave us one (``source_tender_id``) is asked
  before it is moved (``service.questions``). While it waits for another try, it is the carrier's to plan.
- What only planning decides (route, stops, assignment) and what only tracking knows (attempts, proofs) is not here; both drive orders
  through ``service``, and hang their fields on ``Order`` by the upward edges of ``graphql.edges``.

Reading order: ``model``, ``events``, ``service`` (``drafts`` → ``preparing`` → ``intake``, ``changes``, ``moves``), ``reads``, ``graphql``.
"""
