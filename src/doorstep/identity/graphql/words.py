"""The enumerations of identity."""

from doorstep.identity.model import MemberStatus, TokenKind
from doorstep.identity.permissions import Role
from doorstep.kernel.graphql.enums import show_enum
from doorstep.places.roads import Profile

show_enum(
    Role,
    "The roles that every organization has.",
    {
        Role.OWNER: "Everything, the audit log and the rights of recipients among it.",
        Role.ADMIN: "Everything but the audit log and erasing people.",
        Role.DISPATCHER: "Orders, fleets, plans, routes, partners.",
        Role.VIEWER: "Sees what a dispatcher sees, and changes nothing.",
        Role.DRIVER: "Sees their own dispatched routes with their orders, and acts on them.",
    },
    name="MemberRole",
)
show_enum(
    MemberStatus,
    "How a member stands.",
    {
        MemberStatus.INVITED: "May sign in, and has not yet.",
        MemberStatus.ACTIVE: "Has signed in.",
        MemberStatus.REMOVED: "Can no longer sign in.",
    },
)
show_enum(
    TokenKind,
    "What a token is for.",
    {TokenKind.ACCESS: "A portal's page in a browser.", TokenKind.DRIVER: "A driver's phone."},
)
show_enum(
    Profile,
    "A way of moving about: which roads a vehicle may take, and how fast.",
    {
        Profile.CAR: "Cars and motorcycles.",
        Profile.VAN: "Vans.",
        Profile.TRUCK: "Trucks.",
        Profile.SCOOTER: "Scooters.",
        Profile.BICYCLE: "Bicycles and cargo bikes.",
        Profile.FOOT: "People on foot, and robots.",
        Profile.STRAIGHT: "Drones: as the crow flies.",
    },
    name="RoadProfile",
)
