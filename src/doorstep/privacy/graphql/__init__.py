"""Privacy in the schema.

- ``audit``  the audit log
"""

from doorstep.privacy.graphql.audit import AuditQueries

PrivacyQuery = AuditQueries

__all__ = ["PrivacyQuery"]
