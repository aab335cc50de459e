"""Privacy in the schema.

- ``audit``      the audit log
- ``erasing``    erasing people, and the receipts
- ``retention``  how long what is kept
"""

from strawberry.tools import merge_types

from doorstep.privacy.graphql.audit import AuditQueries
from doorstep.privacy.graphql.erasing import ErasureMutations, ErasureQueries
from doorstep.privacy.graphql.retention import RetentionMutations, RetentionQueries

PrivacyQuery = merge_types("PrivacyQuery", (AuditQueries, ErasureQueries, RetentionQueries))
PrivacyMutation = merge_types("PrivacyMutation", (ErasureMutations, RetentionMutations))

__all__ = ["PrivacyMutation", "PrivacyQuery"]
