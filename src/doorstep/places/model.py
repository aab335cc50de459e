"""Tables of the address index: what the current map says about streets and houses.

They are the same for every tenant and hold nobody's data, so they have no tenant and no row-level security: the system
role loads them, requests only read. One extract is current; a new one is loaded beside it and takes over in one step.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index, func, text
from sqlmodel import Field, SQLModel

_INSTANT: Any = DateTime(timezone=True)


class VehicleKind(StrEnum):
    """What sort of vehicle something is; decides which roads it takes. It lies here because orders and fleets both speak of it."""

    ON_FOOT = "ON_FOOT"
    BICYCLE = "BICYCLE"
    CARGO_BIKE = "CARGO_BIKE"
    SCOOTER = "SCOOTER"
    MOTORCYCLE = "MOTORCYCLE"
    CAR = "CAR"
    VAN = "VAN"
    TRUCK = "TRUCK"
    ROBOT = "ROBOT"
    DRONE = "DRONE"


class NameKind(StrEnum):
    """What a name in the index is the name of."""

    STREET = "STREET"
    PLACE = "PLACE"


class MapExtract(SQLModel, table=True):
    """An extract whose addresses are in the index; at most one is current."""

    __tablename__ = "map_extracts"
    __table_args__ = (
        Index("map_extracts_one_current", "is_current", unique=True, postgresql_where=text("is_current")),
        CheckConstraint("names >= 0 AND houses >= 0", name="map_extracts_counts"),
    )

    id: int | None = Field(default=None, primary_key=True)
    checksum: str = Field(unique=True)
    country: str
    names: int
    houses: int
    is_current: bool = False
    loaded_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": func.now()})


class MapName(SQLModel, table=True):
    """A street in a town, or a town. The `plain` columns hold the form in which two spellings meet."""

    __tablename__ = "map_names"
    __table_args__ = (
        ForeignKeyConstraint(["extract_id"], ["map_extracts.id"], ondelete="CASCADE"),
        CheckConstraint("kind IN ('STREET', 'PLACE')", name="map_names_kind"),
        Index("map_names_exact", "extract_id", "country", "plain_name"),
    )

    extract_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    country: str
    name: str
    city: str | None
    postal_code: str | None
    latitude: float
    longitude: float
    plain_name: str
    plain_city: str
    plain_code: str


class MapHouse(SQLModel, table=True):
    """A house number of a street."""

    __tablename__ = "map_houses"
    __table_args__ = (
        ForeignKeyConstraint(["extract_id", "name_id"], ["map_names.extract_id", "map_names.id"], ondelete="CASCADE"),
        Index("map_houses_of_name", "extract_id", "name_id", "plain_number"),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": False}

    extract_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name_id: int
    number: str
    plain_number: str
    latitude: float
    longitude: float


INDEX_DDL: Final = (
    "CREATE INDEX map_names_name_trigrams ON map_names USING gin (plain_name gin_trgm_ops)",
    "CREATE INDEX map_names_city_trigrams ON map_names USING gin (plain_city gin_trgm_ops)",
)
"""For the migration, once pg_trgm is there: SQLAlchemy has no words for an extension's operator classes."""
