"""Identity in the schema.

- ``words``      the enumerations
- ``types``      Tenant, ApiKey, AccessToken, Member, CustomRole and their batch reads
- ``inputs``     what is written
- ``queries``, ``mutations``
- ``documents``  the documents that a tenant registered
- ``events``     the faces of the events
"""

from doorstep.identity.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.identity.graphql import events as events
from doorstep.identity.graphql.documents import DocumentsMutation as DocumentsMutation
from doorstep.identity.graphql.documents import DocumentsQuery as DocumentsQuery
from doorstep.identity.graphql.mutations import IdentityMutation as IdentityMutation
from doorstep.identity.graphql.queries import IdentityQuery as IdentityQuery
from doorstep.identity.graphql.usage import UsageQuery as UsageQuery
