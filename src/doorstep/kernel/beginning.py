"""How a transaction begins: whose it is, and how far its credential reaches, in the same round trip as BEGIN."""

from uuid import UUID

from doorstep.kernel.scope import Principal, Reach


def begin_text(whose: UUID | Principal | None, mode: str, statement_seconds: float | None) -> str:
    """One simple query: a separate SELECT set_config() would cost another round trip; ``mode`` is what follows BEGIN."""
    parts = [f"BEGIN{mode}"]
    if isinstance(whose, Principal):
        parts += [f"SET LOCAL app.tenant_id = '{UUID(str(whose.tenant_id))}'", *_reach_texts(whose.reach)]
    elif whose is not None:
        parts.append(f"SET LOCAL app.tenant_id = '{UUID(str(whose))}'")
    if statement_seconds is not None:
        parts.append(f"SET LOCAL statement_timeout = {int(statement_seconds * 1000)}")
    return "; ".join(parts)


def _reach_texts(reach: Reach) -> list[str]:
    """What the policies named ``reach`` ask for; nothing for a credential without limits."""
    if not reach.limited:
        return []
    texts = ["SET LOCAL app.limited = 'yes'"]
    if reach.depot_ids is not None:
        listed = ",".join(sorted(str(UUID(str(depot_id))) for depot_id in reach.depot_ids))
        texts.append(f"SET LOCAL app.depot_ids = '{{{listed}}}'")
    for name, identifier in (("order_id", reach.order_id), ("driver_id", reach.driver_id)):
        if identifier is not None:
            texts.append(f"SET LOCAL app.{name} = '{UUID(str(identifier))}'")
    return texts
