"""Identity: who is acting, for which tenant, and what they may do.

- An *organization* is a company. It owns a LIVE tenant and a TEST one, a sandbox that shares nothing with it; members and roles are the
  organization's, data, keys and tokens a tenant's.
- A *key* (``dsk_live_…``, ``dsk_test_…``) carries scopes; only its SHA-256 is stored. A *token* (``dst_…``) is short-lived and can do no more than its
  maker does at any moment. Authentication turns a credential into a ``Principal``; nothing else in a request may name a tenant.
- ``permissions`` says what every root field needs and what every role holds. A credential may also be limited in its *reach* (depots, one order, one
  driver), which PostgreSQL enforces beside the tenant's wall.
- Nobody gives rights that they do not have, nor comes by them (``service.rights``), and an organization keeps an owner who can sign in.
- The operator (``service.operating``, ``usage``, ``measuring``, ``exporting``, ``closing``) suspends tenants, holds them to quotas, meters, exports and
  closes them, from the command line alone. What a tenant holds is read from the database's catalog (``service.holdings``).
"""
