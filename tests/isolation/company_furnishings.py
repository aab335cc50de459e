"""Furnishings of the company: keys, tokens, members, roles, what was audited and what was erased."""

from uuid import uuid4

from tests.isolation.desks import Desk, furnishing
from tests.isolation.furnishings import new_order


@furnishing("key")
async def _key(desk: Desk) -> dict[str, str]:
    made = await desk.made("createApiKey", "apiKey { id }", name=desk.unique("key"), scopes=["orders:read"])
    return {"key": made["apiKey"]["id"]}


@furnishing("token")
async def _token(desk: Desk) -> dict[str, str]:
    made = await desk.made("createAccessToken", "accessToken { id }", scopes=["orders:read"])
    return {"token": made["accessToken"]["id"]}


@furnishing("role")
async def _role(desk: Desk) -> dict[str, str]:
    made = await desk.made("createRole", "role { id }", name=desk.unique("role"), permissions=["orders:read"])
    return {"role": made["role"]["id"]}


@furnishing("member")
async def _member(desk: Desk) -> dict[str, str]:
    email = f"{desk.canary}-{uuid4().hex[:8]}@example.org"
    made = await desk.made("inviteMember", "member { id }", name=desk.unique("member"), email=email, role="VIEWER")
    return {"member": made["member"]["id"]}


@furnishing("erasure")
async def _erasure(desk: Desk) -> dict[str, str]:
    order = (await new_order(desk))["id"]
    await desk.made("cancelOrder", "order { id }", id=order)
    made = await desk.made("eraseRecipient", "receipt { id }", orderIds=[order])
    return {"erasure": made["receipt"]["id"]}


@furnishing("audit")
async def _audit(desk: Desk) -> dict[str, str]:
    await desk.made("updateRetention", "retention { positionsDays }", positionsDays=30)
    return {"audit": (await desk.read("{ auditLog(first: 1) { nodes { id } } }"))["auditLog"]["nodes"][0]["id"]}
