"""Sending: one job for each message, again after a growing pause, for a day.

No transaction is open while a mail server is waited for. A worker that dies after the server's yes and before its own commit sends twice, with the
same Message-ID.
"""

from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from doorstep.kernel.db import Database
from doorstep.kernel.jobs import Job, JobKind
from doorstep.kernel.periodic import Periodic
from doorstep.kernel.scope import Scope
from doorstep.messages.jobs.mail import Mail, MailServer, Outcome, post
from doorstep.messages.model import KEPT_DAYS, MessageFault
from doorstep.messages.service import SEND, address_for, fail, keep, pending_message, settle
from doorstep.settings import Settings

log = structlog.get_logger(__name__)

UPKEEP_SECONDS = 3600.0
FORGOTTEN_AT_ONCE = 5_000


async def send(job: Job) -> None:
    """Send a message, or keep it where there is no mail server."""
    message_id = UUID(job.input["message_id"])
    server = MailServer.of(job.services.get(Settings))
    mail = await _mail(job, message_id, server)
    if mail is None or server is None:
        return
    outcome = await post(server, mail)
    async with job.db.write(job.principal) as scope:
        await job.fence(scope)
        pause = await settle(scope, message_id, outcome.fault, final=outcome.final)
        if pause is None:
            await job.finish(scope, {})
        else:
            await job.put_off(scope, pause)
    _tell(message_id, outcome, pause)


async def _mail(job: Job, message_id: UUID, server: MailServer | None) -> Mail | None:
    """What is to be sent; None when there is nothing to send any more, and the job is finished."""
    async with job.db.write(job.principal) as scope:
        await job.fence(scope)
        message = await pending_message(scope, message_id)
        address = await address_for(scope, message) if message is not None else None
        if message is None:
            await job.finish(scope, {})
        elif server is None:
            await keep(scope, message_id)
            await job.finish(scope, {})
            log.info("message_kept", message=str(message_id), kind=message["kind"], why="DOORSTEP_SMTP_URL is not set")
        elif address is None:
            await fail(scope, message_id, MessageFault.NO_OWNER)
            await job.finish(scope, {})
        else:
            created_at: datetime = message["created_at"]
            return Mail(message_id, address, message["subject"], message["text"], created_at)
    return None


def _tell(message_id: UUID, outcome: Outcome, pause: float | None) -> None:
    """A log line of every try, without whom it was for and what the server said, which quotes the address."""
    told = partial(log.info if outcome.fault is None else log.warning, message=str(message_id))
    if outcome.fault is None:
        told("message_sent")
    else:
        told("message_not_sent", fault=outcome.fault.value, code=outcome.code, again_seconds=pause)


async def give_up(scope: Scope, job: Job, _reason: str) -> None:
    """An error of ours, logged as one."""
    await fail(scope, UUID(job.input["message_id"]), MessageFault.INTERNAL)


async def forget(_db: Database, system: Database) -> None:
    """Delete messages of long ago."""
    async with system.transaction(statement_seconds=30) as tx:
        await tx.execute(
            "DELETE FROM messages WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM messages "
            "WHERE created_at < now() - make_interval(days => $1) AND status <> 'PENDING' ORDER BY created_at LIMIT $2)",
            KEPT_DAYS,
            FORGOTTEN_AT_ONCE,
        )


JOB_KINDS: Final = {SEND: JobKind(send, give_up)}
PERIODICS: Final = [Periodic("messages.upkeep", UPKEEP_SECONDS, forget)]
