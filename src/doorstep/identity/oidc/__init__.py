"""OpenID Connect: tokens that a portal got from its users' issuer, sent here as ``Authorization: Bearer eyJ…``.

Doorstep is the resource server: it starts no sign-in and keeps no session, it checks tokens. Which issuer speaks for which tenant is the
operator's to say.

- ``providers``    (issuer, audience) → tenant: the operator's list, and the look-up before a tenant is known
- ``tokens``       what a token says, and which of it we believe
- ``issuer_keys``  the public keys of one issuer, fetched with bounds and kept for a while
- ``verifier``     a token in, who signed in out
"""

from doorstep.identity.oidc.providers import Provider
from doorstep.identity.oidc.tokens import SignedIn, looks_like_token
from doorstep.identity.oidc.verifier import NOT_SIGNED_IN, OidcVerifier

__all__ = ["NOT_SIGNED_IN", "OidcVerifier", "Provider", "SignedIn", "looks_like_token"]
