"""Furnishings of the company: keys, tokens, members, roles, documents, what was audited and what was erased."""

from uuid import uuid4

from tests.isolation.desks import Desk, furnishing
from tests.isolation.furnishings import new_order


@furnishing("key", alone=True)
async def _key(desk: Desk) -> dict[str, str]:
    made = await desk.made("createApiKey", "apiKey { id }", name=desk.unique("key"), scopes=["orders:read"])
    acting = (await desk.read("{ viewer { keyId } }"))["viewer"]["keyId"]
    return {"key": made["apiKey"]["id"], "key:acting": acting}


@furnishing("token", alone=True)
async def _token(desk: Desk) -> dict[str, str]:
    made = await desk.made("createAccessToken", "accessToken { id }", scopes=["orders:read"])
    return {"token": made["accessToken"]["id"]}


@furnishing("role", alone=True)
async def _role(desk: Desk) -> dict[str, str]:
    made = await desk.made("createRole", "role { id }", name=desk.unique("role"), permissions=["orders:read"])
    return {"role": made["role"]["id"]}


@furnishing("member")
async def _member(desk: Desk) -> dict[str, str]:
    email = f"{desk.canary}.{uuid4().hex[:8]}@example.org"
    limit = {"role": "VIEWER", "depotIds": [desk.ids["depot"]]}
    made = await desk.made("inviteMember", "member { id }", email=email, name=desk.canary, **limit)
    return {"member": made["member"]["id"]}


@furnishing("document", alone=True)
async def _document(desk: Desk) -> dict[str, str]:
    texts = [f"query Own{uuid4().hex} {{ viewer {{ scopes }} }}" for _ in range(2)]
    made = await desk.made("registerDocuments", "documentIds", documents=texts)
    return {"document": made["documentIds"][0]}


@furnishing("erasure", alone=True)
async def _erasure(desk: Desk) -> dict[str, str]:
    """An order that is over and erased, another one that is over; days to keep things; the log of all that was done."""
    erased, final = await new_order(desk), await new_order(desk)
    for order in (erased, final):
        await desk.made("cancelOrder", "order { id }", id=order["id"])
    made = await desk.made("eraseRecipient", "receipt { id }", orderIds=[erased["id"]])
    await desk.made("updateRetention", "retention { auditDays }", auditDays=400)
    entries = (await desk.read("{ auditLog(first: 1) { nodes { id } } }"))["auditLog"]["nodes"]
    return {"erasure": made["receipt"]["id"], "order:final": final["id"], "audit": entries[0]["id"]}
