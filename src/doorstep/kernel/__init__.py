"""What every slice needs and none owns.

- ``ids``          UUIDv7 inside, TypeIDs outside
- ``errors``       refusals (problems) and request errors, with their codes
- ``time``, ``geo`` value types with units
- ``scope``        who acts, for which tenant, with which permissions, in which transaction
- ``db``           the pool, transactions with the tenant set, the only commit
- ``tables``       base classes of the tables, bulk inserts
- ``events``       the per-tenant, gap-free event log
- ``event_stream``, ``event_partitions``, ``epochs``  reading it by cursor, its months, its lives
- ``idempotency``  one effect per key
- ``jobs``         background work: claim, lease, fencing, progress
- ``objections``   what a slice above may have against a change below
- ``paging``       keyset connections
- ``graphql``      the GraphQL edge: context, batches, problems, views
- ``postgres``     the embedded server, roles, migrations
"""
