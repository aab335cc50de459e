"""What requests say of themselves in their headers."""

from starlette.requests import HTTPConnection, Request

from doorstep.kernel.errors import BadUserInput

RESPONSE_JSON = "application/graphql-response+json"


def bearer_token(connection: HTTPConnection) -> str | None:
    """The bearer token of the Authorization header; credentials are never read from a URL.

    Raises BadUserInput for two of them: a proxy in front might have judged the other one.
    """
    given = connection.headers.getlist("authorization")
    if len(given) > 1:
        raise BadUserInput("Send one Authorization header: which of several is meant, nobody can tell.")
    scheme, _, token = "".join(given).partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def prefers_response_json(request: Request) -> bool:
    """Whether the client wants GraphQL over HTTP's own media type, at least as much as plain JSON."""
    best: dict[str, float] = {}
    for part in request.headers.get("accept", "").split(","):
        media, *parameters = [piece.strip() for piece in part.split(";")]
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        best[media.lower()] = quality
    return best.get(RESPONSE_JSON, 0.0) > 0 and best[RESPONSE_JSON] >= best.get("application/json", 0.0)
