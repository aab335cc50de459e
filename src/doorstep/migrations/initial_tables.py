"""Creates the tables of the first revision (development form; frozen before the release)."""

import importlib
import importlib.util
from typing import Any

from sqlmodel import SQLModel

import doorstep.fleets.model
import doorstep.identity.model
import doorstep.kernel.consumers
import doorstep.kernel.events
import doorstep.kernel.idempotency
import doorstep.kernel.jobs
import doorstep.orders.model
import doorstep.planning.model
import doorstep.tracking.model  # noqa: F401


def create_tables(op: Any) -> None:
    """All tables of the models."""
    places = (
        importlib.import_module("doorstep.places.model") if importlib.util.find_spec("doorstep.places.model") else None
    )
    SQLModel.metadata.create_all(op.get_bind())
    for statement in places.INDEX_DDL if places else ():
        op.get_bind().exec_driver_sql(statement)
