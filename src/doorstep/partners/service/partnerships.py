"""Partnerships: inviting, redeeming, saying what is shared, ending."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, DoorstepError, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.partners.errors import InvitationInvalid, PartnershipInactive
from doorstep.partners.events import (
    PartnershipAccepted,
    PartnershipEnded,
    PartnershipEvent,
    PartnershipInvited,
    PartnershipUpdated,
)
from doorstep.partners.model import PartnershipRow, PartnershipStatus, PartnerSide, SharedField, TenderReason
from doorstep.partners.service.answering import decline_all
from doorstep.partners.service.closing import withdraw_all
from doorstep.partners.service.rows import RELAY, follow_log, lock_partnership, side_of

TOKEN_PREFIX: Final = "dsp_"  # noqa: S105 - how a token begins
MIN_HOURS, MAX_HOURS = 1, 24 * 30
_REFUSED: Final = {
    "UNKNOWN": "This invitation is unknown, or was redeemed already: ask the merchant for a new one.",
    "EXPIRED": "This invitation has expired: ask the merchant for a new one.",
    "OWN": "This invitation is your own: it is for a carrier, which is another tenant.",
    "MODE": "A sandbox and a live company cannot be partners: redeem it with the other one.",
    "KNOWN": "You are partners already: end that partnership first, or keep it.",
}


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a merchant offers; ``valid_until`` is a UTC instant of the wall clock (None: until somebody ends it)."""

    shared_fields: Sequence[SharedField]
    valid_until: datetime | None = None
    hours: int = 24 * 7


async def invite_partner(scope: Scope, invitation: Invitation) -> tuple[dict[str, Any], str]:
    """Make an invitation; returns the outcome ``{id}`` and the token, which is kept only as a hash."""
    scope.require(Permission.PARTNERS_WRITE)
    _check_until(invitation.valid_until)
    if not MIN_HOURS <= invitation.hours <= MAX_HOURS:
        raise DoorstepError(ProblemCode.INVALID_VALUE, f"{MIN_HOURS} to {MAX_HOURS} hours.", ["expiresInHours"])
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    name = await scope.tx.fetchval("SELECT name FROM tenants WHERE id = $1", scope.tenant_id)
    await follow_log(scope, RELAY)
    partnership_id = new_id()
    row = {
        "merchant_id": scope.tenant_id,
        "id": partnership_id,
        "version": 1,
        "status": PartnershipStatus.INVITED.value,
        "merchant_name": name,
        "shared_fields": _names(invitation.shared_fields),
        "valid_until": invitation.valid_until,
        "token_hash": _hash(token),
        "token_expires_at": datetime.now(UTC) + timedelta(hours=invitation.hours),
    }
    await scope.tx.insert(PartnershipRow, [row])
    scope.emit(PartnershipInvited(aggregate_version=1, partnership_id=partnership_id, by=PartnerSide.MERCHANT))
    return {"id": str(partnership_id)}, token


def _hash(token: str) -> bytes:
    """SHA-256: a token has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).digest()


def _names(fields: Sequence[SharedField]) -> list[str]:
    return [field.value for field in SharedField if field in set(fields)]


def _check_until(valid_until: datetime | None) -> None:
    if valid_until is not None and valid_until <= datetime.now(UTC):
        raise DoorstepError(ProblemCode.INVALID_VALUE, "This is in the past.", ["validUntil"])


async def accept_partnership(scope: Scope, given: str) -> dict[str, Any]:
    """Redeem an invitation (its token, or the whole link); outcome ``{id}``. Raises INVITATION_INVALID."""
    scope.require(Permission.PARTNERS_WRITE)
    token = given.strip().rpartition("=")[2]
    row = await scope.tx.fetchrow("SELECT * FROM doorstep_redeem_invitation($1)", _hash(token))
    if row is None or row["verdict"] != "ACCEPTED":
        raise InvitationInvalid(_REFUSED[row["verdict"] if row else "UNKNOWN"])
    await follow_log(scope, RELAY)
    partnership = await lock_partnership(scope, row["partnership_id"])
    _tell(scope, PartnershipAccepted, partnership["id"], partnership["version"], PartnerSide.CARRIER)
    return {"id": str(partnership["id"])}


def _tell(scope: Scope, event: type[PartnershipEvent], partnership_id: UUID, version: int, by: PartnerSide) -> None:
    scope.emit(event(aggregate_version=version, partnership_id=partnership_id, by=by))


@dataclass(frozen=True, slots=True)
class PartnershipPatch:
    """What the merchant changes; None leaves it. ``until`` is a one-item tuple, so that a given null can be told."""

    shared_fields: Sequence[SharedField] | None = None
    until: tuple[datetime | None] | None = None


async def update_partnership(
    scope: Scope, partnership_id: UUID, patch: PartnershipPatch, if_version: int | None = None
) -> dict[str, Any]:
    """Share other fields or until another day, as the merchant; what carriers were shown already they keep. Outcome ``{id}``.

    Raises NOT_FOUND (also for the carrier's side), CONFLICT, PARTNERSHIP_INACTIVE.
    """
    scope.require(Permission.PARTNERS_WRITE)
    row = await lock_partnership(scope, partnership_id, PartnerSide.MERCHANT)
    if if_version is not None and if_version != row["version"]:
        raise Conflict("partnership", row["version"], partnership_id)
    if row["status"] == PartnershipStatus.ENDED:
        raise PartnershipInactive("This partnership has ended: invite the carrier again.", ["id"])
    shared = row["shared_fields"] if patch.shared_fields is None else _names(patch.shared_fields)
    until = row["valid_until"] if patch.until is None else patch.until[0]
    if patch.until is not None:
        _check_until(until)
    if (shared, until) != (row["shared_fields"], row["valid_until"]):
        await scope.tx.execute(
            "UPDATE partnerships SET shared_fields = $3, valid_until = $4, version = version + 1, updated_at = now() "
            "WHERE merchant_id = $1 AND id = $2",
            scope.tenant_id, partnership_id, shared, until,
        )  # fmt: skip
        _tell(scope, PartnershipUpdated, partnership_id, row["version"] + 1, PartnerSide.MERCHANT)
    return {"id": str(partnership_id)}


async def end_partnership(scope: Scope, partnership_id: UUID) -> dict[str, Any]:
    """End it, as either side: open offers are withdrawn (or declined), accepted ones run to their end. Outcome ``{id}``.

    Raises NOT_FOUND, PARTNERSHIP_INACTIVE when it has ended already.
    """
    scope.require(Permission.PARTNERS_WRITE)
    row = await scope.tx.fetchrow("SELECT status FROM partnerships WHERE id = $1", partnership_id)
    if row is not None and row["status"] == PartnershipStatus.ENDED:
        raise PartnershipInactive("This partnership has ended already.", ["id"])
    await close_partnership(scope, partnership_id)
    return {"id": str(partnership_id)}


async def close_partnership(scope: Scope, partnership_id: UUID) -> None:
    """The same without a permission, also for those whose last day has come; nothing when it has ended meanwhile.

    The partnership is locked last: whoever offers an order locks that first.
    """
    offered = await scope.tx.fetch(
        "SELECT id, merchant_id FROM tenders WHERE (merchant_id = $1 OR carrier_id = $1) AND partnership_id = $2 AND status = 'OFFERED'",
        scope.tenant_id,
        partnership_id,
    )
    ids = [row["id"] for row in offered]
    if offered and offered[0]["merchant_id"] == scope.tenant_id:
        await withdraw_all(scope, ids)
    elif offered:
        await decline_all(scope, ids, TenderReason.OTHER)
    row = await lock_partnership(scope, partnership_id)
    if row["status"] != PartnershipStatus.ENDED:
        await _end(scope, row)


async def _end(scope: Scope, row: Row) -> None:
    await scope.tx.execute(
        "UPDATE partnerships SET status = 'ENDED', token_hash = NULL, version = version + 1, ended_at = now(), updated_at = now() "
        "WHERE (merchant_id = $1 OR carrier_id = $1) AND id = $2",
        scope.tenant_id,
        row["id"],
    )
    _tell(scope, PartnershipEnded, row["id"], row["version"] + 1, side_of(scope.tenant_id, row))
