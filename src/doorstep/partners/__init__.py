"""Partners: orders that one tenant (the merchant) has another one (the carrier) bring.

A **partnership** joins two tenants: the merchant invites by a one-time link and says which fields of its orders it shares. A **tender** offers one
order to one carrier, with a price and a deadline. Accepted, it gives the carrier an order of its own (a **copy** with only the shared fields),
which the carrier plans and drives with its own fleet, or moves by ``reportOrder``. The **relay** carries what happens on one side to the other.

Invariants
- ``partnerships`` and ``tenders`` are the only rows that two tenants see; whoever acts moves the tender's state by compare-and-set in its own
  transaction and writes its own event. What races (accept and withdraw, cancel and pickup) is decided by that row.
- A tender's row shows a carrier no more than it may know before it accepts: the shared fields come from a function of the database that answers
  only for a tender which the asking tenant has accepted.
- Only ``service.relaying`` acts for the other tenant. It writes an effect and the id of the event that caused it in one transaction, and moves its
  place in the source's log afterwards: killed anywhere, it neither loses nor repeats.
- Each side reads its own log alone.

Reading order: ``model``, ``events``, ``service`` (``partnerships`` → ``offering`` → ``answering`` → ``closing`` → ``watching`` → ``relaying``,
``reporting``), ``reads``, ``jobs``, ``graphql``.
"""
