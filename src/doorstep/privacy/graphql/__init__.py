"""Privacy in the schema.

- ``audit``    the audit log
- ``erasing``  erasing people, and the receipts
"""

from strawberry.tools import merge_types

from doorstep.privacy.graphql.audit import AuditQueries
from doorstep.privacy.graphql.erasing import ErasureMutations, ErasureQueries

PrivacyQuery = merge_types("PrivacyQuery", (AuditQueries, ErasureQueries))
PrivacyMutation = ErasureMutations

__all__ = ["PrivacyMutation", "PrivacyQuery"]
