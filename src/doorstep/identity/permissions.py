"""Who may do what, in one place: what each field of Query, Mutation and Subscription needs, and what each role holds.

``schema`` puts these checks in front of the resolvers when it is built, and refuses to be built when a root field has no entry here.
``tests/snapshots/permissions.txt`` prints every root field × role, so that a change of policy is a diff that somebody reads. Nested fields show
no more than the root field of their kind would (``kernel.graphql.context.guard``).
"""

from enum import StrEnum

from doorstep.kernel.scope import Permission

_P = Permission

NEEDS: dict[str, Permission | None] = {
    # identity
    "Query.viewer": None,
    "Query.usage": _P.USAGE_READ,
    "Query.apiKeys": _P.KEYS_READ,
    "Query.members": _P.MEMBERS_READ,
    "Query.roles": _P.MEMBERS_READ,
    "Mutation.createApiKey": _P.KEYS_WRITE,
    "Mutation.updateApiKey": _P.KEYS_WRITE,
    "Mutation.rotateApiKey": _P.KEYS_WRITE,
    "Mutation.revokeApiKey": _P.KEYS_WRITE,
    "Mutation.createAccessToken": _P.TOKENS_WRITE,
    "Mutation.createDriverToken": _P.TOKENS_WRITE,
    "Mutation.renewAccessToken": _P.TOKENS_WRITE,
    "Mutation.revokeAccessToken": _P.TOKENS_WRITE,
    "Mutation.inviteMember": _P.MEMBERS_WRITE,
    "Mutation.updateMember": _P.MEMBERS_WRITE,
    "Mutation.removeMember": _P.MEMBERS_WRITE,
    "Mutation.createRole": _P.MEMBERS_WRITE,
    "Mutation.updateRole": _P.MEMBERS_WRITE,
    "Mutation.deleteRole": _P.MEMBERS_WRITE,
    "Mutation.updateTenant": _P.TENANT_WRITE,
    "Mutation.registerDocuments": _P.TENANT_WRITE,
    "Mutation.removeDocuments": _P.TENANT_WRITE,
    "Query.persistedDocuments": _P.TENANT_READ,
    # kernel
    "Query.node": None,  # what the kind of object needs
    "Query.nodes": None,
    "Query.events": _P.EVENTS_READ,
    "Subscription.events": _P.EVENTS_READ,
    # fleets
    "Query.depot": _P.FLEETS_READ,
    "Query.depots": _P.FLEETS_READ,
    "Query.vehicle": _P.FLEETS_READ,
    "Query.vehicles": _P.FLEETS_READ,
    "Query.driver": _P.FLEETS_READ,
    "Query.drivers": _P.FLEETS_READ,
    "Query.shift": _P.FLEETS_READ,
    "Query.shifts": _P.FLEETS_READ,
    "Mutation.createDepot": _P.FLEETS_WRITE,
    "Mutation.updateDepot": _P.FLEETS_WRITE,
    "Mutation.archiveDepot": _P.FLEETS_WRITE,
    "Mutation.createVehicle": _P.FLEETS_WRITE,
    "Mutation.updateVehicle": _P.FLEETS_WRITE,
    "Mutation.archiveVehicle": _P.FLEETS_WRITE,
    "Mutation.createDriver": _P.FLEETS_WRITE,
    "Mutation.updateDriver": _P.FLEETS_WRITE,
    "Mutation.archiveDriver": _P.FLEETS_WRITE,
    "Mutation.createShift": _P.FLEETS_WRITE,
    "Mutation.updateShift": _P.FLEETS_WRITE,
    "Mutation.archiveShift": _P.FLEETS_WRITE,
    # orders
    "Query.order": _P.ORDERS_READ,
    "Query.orders": _P.ORDERS_READ,
    "Subscription.order": _P.ORDERS_READ,
    "Subscription.orders": _P.ORDERS_READ,
    "Mutation.createOrder": _P.ORDERS_WRITE,
    "Mutation.createOrders": _P.ORDERS_WRITE,
    "Mutation.updateOrder": _P.ORDERS_WRITE,
    "Mutation.cancelOrder": _P.ORDERS_WRITE,
    "Mutation.setOrderReadiness": _P.ORDERS_WRITE,
    # planning
    "Query.plan": _P.PLANNING_READ,
    "Query.plans": _P.PLANNING_READ,
    "Query.route": _P.PLANNING_READ,
    "Query.routes": _P.PLANNING_READ,
    "Query.stop": _P.PLANNING_READ,
    "Query.previewRouteChange": _P.PLANNING_WRITE,
    "Query.previewReplan": _P.PLANNING_WRITE,
    "Query.simulatePlan": _P.PLANNING_WRITE,
    "Mutation.createPlan": _P.PLANNING_WRITE,
    "Mutation.optimizePlan": _P.PLANNING_WRITE,
    "Mutation.commitPlan": _P.PLANNING_WRITE,
    "Mutation.cancelPlan": _P.PLANNING_WRITE,
    "Mutation.explainUnassigned": _P.PLANNING_WRITE,
    "Mutation.assignOrders": _P.PLANNING_WRITE,
    "Mutation.unassignOrders": _P.PLANNING_WRITE,
    "Mutation.changeRoute": _P.PLANNING_WRITE,
    "Mutation.setStopLocks": _P.PLANNING_WRITE,
    "Mutation.replanRoutes": _P.PLANNING_WRITE,
    "Mutation.dispatchRoute": _P.PLANNING_WRITE,
    "Mutation.dispatchPlan": _P.PLANNING_WRITE,
    "Mutation.recallRoute": _P.PLANNING_WRITE,
    "Mutation.cancelRoute": _P.PLANNING_WRITE,
    "Subscription.planProgress": _P.PLANNING_READ,
    "Subscription.route": _P.PLANNING_READ,
    # tracking
    "Mutation.advanceStop": _P.TRACKING_WRITE,
    "Mutation.reportPositions": _P.TRACKING_WRITE,
    "Subscription.positions": _P.TRACKING_READ,
    "Query.tracking": None,  # a recipient's link, which holds no permission
    "Subscription.tracking": None,
    "Mutation.revokeTracking": _P.TOKENS_WRITE,
    # dispatch
    "Query.dispatchOffers": _P.TRACKING_READ,
    "Mutation.answerDispatchOffer": _P.TRACKING_WRITE,
    # partners
    "Query.partnership": _P.PARTNERS_READ,
    "Query.partnerships": _P.PARTNERS_READ,
    "Query.tender": _P.PARTNERS_READ,
    "Query.tenders": _P.PARTNERS_READ,
    "Subscription.tenders": _P.PARTNERS_READ,
    "Mutation.invitePartner": _P.PARTNERS_WRITE,
    "Mutation.acceptPartnership": _P.PARTNERS_WRITE,
    "Mutation.updatePartnership": _P.PARTNERS_WRITE,
    "Mutation.endPartnership": _P.PARTNERS_WRITE,
    "Mutation.tenderOrder": _P.PARTNERS_WRITE,
    "Mutation.acceptTender": _P.PARTNERS_WRITE,
    "Mutation.declineTender": _P.PARTNERS_WRITE,
    "Mutation.withdrawTender": _P.PARTNERS_WRITE,
    "Mutation.releaseTender": _P.PARTNERS_WRITE,
    "Mutation.reportOrder": _P.TRACKING_WRITE,
    # sandbox
    "Query.sandboxClock": _P.SANDBOX_WRITE,
    "Query.simulation": _P.SANDBOX_WRITE,
    "Mutation.setSandboxClock": _P.SANDBOX_WRITE,
    "Mutation.simulateRoute": _P.SANDBOX_WRITE,
    "Mutation.simulateOrder": _P.SANDBOX_WRITE,
    "Mutation.cancelSimulation": _P.SANDBOX_WRITE,
    # messages
    "Query.messages": _P.TENANT_READ,
    # webhooks
    "Query.webhookEndpoint": _P.WEBHOOKS_READ,
    "Query.webhookEndpoints": _P.WEBHOOKS_READ,
    "Query.webhookDeliveries": _P.WEBHOOKS_READ,
    "Mutation.createWebhookEndpoint": _P.WEBHOOKS_WRITE,
    "Mutation.updateWebhookEndpoint": _P.WEBHOOKS_WRITE,
    "Mutation.pauseWebhookEndpoint": _P.WEBHOOKS_WRITE,
    "Mutation.resumeWebhookEndpoint": _P.WEBHOOKS_WRITE,
    "Mutation.rotateWebhookSecret": _P.WEBHOOKS_WRITE,
    "Mutation.replayWebhookDeliveries": _P.WEBHOOKS_WRITE,
    "Mutation.testWebhookEndpoint": _P.WEBHOOKS_WRITE,
    "Mutation.deleteWebhookEndpoint": _P.WEBHOOKS_WRITE,
    # privacy
    "Query.auditLog": _P.AUDIT_READ,
    "Query.erasure": _P.PRIVACY_WRITE,
    "Query.erasures": _P.PRIVACY_WRITE,
    "Mutation.eraseRecipient": _P.PRIVACY_WRITE,
    "Query.retention": _P.PRIVACY_WRITE,
    "Mutation.updateRetention": _P.PRIVACY_WRITE,
}
"""Root field → the permission that its use case needs; None: anybody with or without a credential (the field itself says what it shows)."""


class Role(StrEnum):
    """The roles that every organization has; custom ones are made of permissions."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    DISPATCHER = "DISPATCHER"
    VIEWER = "VIEWER"
    DRIVER = "DRIVER"


_SEES = frozenset(
    {_P.ORDERS_READ, _P.FLEETS_READ, _P.PLANNING_READ, _P.TRACKING_READ, _P.EVENTS_READ, _P.PARTNERS_READ}
)

ROLES: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - {_P.AUDIT_READ, _P.PRIVACY_WRITE},
    Role.DISPATCHER: _SEES
    | {
        _P.ORDERS_WRITE,
        _P.FLEETS_WRITE,
        _P.PLANNING_WRITE,
        _P.TRACKING_WRITE,
        _P.PARTNERS_WRITE,
        _P.TOKENS_WRITE,
        _P.SANDBOX_WRITE,
    },
    Role.VIEWER: _SEES,
    # Of the route and the orders of their own alone: ``Principal.reach`` holds the driver.
    Role.DRIVER: frozenset({_P.ORDERS_READ, _P.PLANNING_READ, _P.TRACKING_WRITE}),
}
"""What each role may do."""
