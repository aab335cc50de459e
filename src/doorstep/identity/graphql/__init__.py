"""GraphQL of identity."""

from doorstep.identity.graphql.queries import IdentityQuery as IdentityQuery
