"""A message to an owner. Messages are Doorstep's own: no mutation writes one, so it is written as the consumer of the log writes it."""

from uuid import UUID

from tests.isolation.desks import Desk, furnishing

from doorstep.identity.service import system_principal
from doorstep.kernel.ids import new_id, parse_id, public_id
from doorstep.messages.model import MessageKind, MessageRow


@furnishing("message", alone=True)
async def _message(desk: Desk) -> dict[str, str]:
    services = desk.client.server.services
    principal = await system_principal(services.system, desk.tenant_id)
    message_id: UUID = new_id()
    row = {
        "tenant_id": desk.tenant_id,
        "id": message_id,
        "kind": MessageKind.WEBHOOK_DISABLED.value,
        "event_seq": 1,
        "endpoint_id": parse_id("webhook", desk.ids["webhook"]),
        "member_id": new_id(),
        "subject": desk.canary,
        "text": desk.canary,
        "status": "KEPT",
    }
    async with services.db.write(principal) as scope:
        await scope.tx.insert(MessageRow, [row])
    return {"message": public_id("message", message_id)}
