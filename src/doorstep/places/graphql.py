"""What the schema shows of places: postal addresses, contacts, and the kinds of vehicle that decide which roads are taken.

Inputs take plain strings; the services bring them into their country's form, so that a bad one is a problem of its own item and never of
the whole document.
"""

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.scalars import CountryCode, EmailAddress, PhoneNumber
from doorstep.places.model import VehicleKind

show_enum(
    VehicleKind,
    "What sort of vehicle it is; decides which roads it takes.",
    {
        VehicleKind.ON_FOOT: "A person on foot.",
        VehicleKind.BICYCLE: "A bicycle.",
        VehicleKind.CARGO_BIKE: "A bicycle made for loads.",
        VehicleKind.SCOOTER: "A scooter or moped.",
        VehicleKind.MOTORCYCLE: "A motorcycle.",
        VehicleKind.CAR: "A car.",
        VehicleKind.VAN: "A van.",
        VehicleKind.TRUCK: "A truck.",
        VehicleKind.ROBOT: "A robot on the pavement; takes the ways of pedestrians.",
        VehicleKind.DRONE: "A drone; flies in straight lines.",
    },
)


@strawberry.type(description="A postal address in its country's form.")
class Address:
    line1: str = strawberry.field(description="Street and house number.")
    line2: str | None = strawberry.field(description="Floor, apartment, company.")
    city: str = strawberry.field(description="Town.")
    region: str | None = strawberry.field(description="State or province, where addresses need one.")
    postal_code: str | None = strawberry.field(description="Postcode, as its country writes it.")
    country: CountryCode = strawberry.field(description="Country.")
    formatted: str = strawberry.field(description="The whole address in one line.")

    @classmethod
    def of(cls, row: Row) -> "Address":
        """The address in a row that has its columns (line1, line2, city, region, postal_code, country, formatted)."""
        return cls(
            line1=row["line1"],
            line2=row["line2"],
            city=row["city"],
            region=row["region"],
            postal_code=row["postal_code"],
            country=CountryCode(row["country"]),
            formatted=row["formatted"],
        )


@strawberry.input(description="A postal address, as people write it.")
class AddressInput:
    line1: str = strawberry.field(description="Street and house number, at most 200 characters.")
    line2: str | None = strawberry.field(default=None, description="Floor, apartment, company.")
    city: str = strawberry.field(description="Town.")
    region: str | None = strawberry.field(default=None, description="State or province, where addresses need one.")
    postal_code: str | None = strawberry.field(default=None, description="Postcode; its country's form is checked.")
    country: str | None = strawberry.field(
        default=None, description="Two letters (ISO 3166-1), such as `LI`; left out, the tenant's country."
    )


@strawberry.type(description="Whom to ask for at an address.")
class Contact:
    name: str | None = strawberry.field(description="Name.")
    phone: PhoneNumber | None = strawberry.field(description="Telephone number.")
    email: EmailAddress | None = strawberry.field(description="E-mail address.")


@strawberry.input(description="Whom to ask for at an address.")
class ContactInput:
    name: str | None = strawberry.field(default=None, description="Name, at most 200 characters.")
    phone: str | None = strawberry.field(
        default=None, description="Telephone number; without a country code it is read as one of the address's country."
    )
    email: str | None = strawberry.field(default=None, description="E-mail address.")
