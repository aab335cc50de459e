"""Identity: tenants and their API keys.

A tenant is one company's walled part of the installation. A key (``dsk_live_…``, ``dsk_test_…``) belongs to one tenant and carries scopes; only
its SHA-256 is stored. Authentication turns a key into a ``Principal``; nothing else in a request may name a tenant.
"""
