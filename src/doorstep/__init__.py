"""Doorstep: an open, self-hosted, multi-tenant last-mile delivery platform behind one GraphQL API.

The package in reading order, bottom of the stack first; every import points down this list:

- ``settings``    the only reader of the environment
- ``kernel``      what every slice needs and none owns: scope, database, ids, errors, events, jobs, idempotency, GraphQL edge
- ``places``      addresses, geocoding and the road network
- ``identity``    organizations, tenants, members, roles, keys and tokens: who is acting, and what they may do
- ``orders``      orders and their lifecycle      } independent of
- ``fleets``      depots, vehicles, drivers, shifts } each other
- ``planning``    plans, routes, stops; ``planning.solver`` is pure and speaks to VROOM
- ``tracking``    execution: stop outcomes, proof, positions, ETA
- ``dispatch``    on-demand dispatch: orders to couriers as they come in, offers to drivers
- ``partners``    partnerships and tenders between tenants, and the relay between them
- ``sandbox``     TEST tenants: a clock that can be set ahead, robots that drive
- ``webhooks``    events delivered to a tenant's own addresses, at least once, in order, signed
- ``messages``    what owners are told by mail, and the outbox; beside webhooks, of which it hears by the event log
- ``privacy``     the audit log, erasure and retention, over the rules that every slice has for its tables
- ``schema``      merges the slices' queries, mutations and subscriptions
- ``payloads``    what a subscriber would be shown of one event, for those who deliver it otherwise
- ``event_catalog``  every event with its fields and an example, from the schema
- ``app``         the ASGI assembly; ``worker``: jobs and periodic work
- ``demo``, ``cli``  the command line: demo, serve, work, migrate, schema, tenant, key, member, partner, roads, secrets, events, backup, restore, bench
"""

__version__ = "0.1.0"
