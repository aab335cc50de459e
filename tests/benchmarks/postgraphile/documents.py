"""The same questions to both servers: one order, a page of orders, a page with stops and driver. The field names differ, what is asked does not."""

ORDER_FIELDS = """
id reference displayReference version kind status statusReason custody locationStatus attemptNumber priority requiredSkills
dueAt createdAt updatedAt load { weightGrams items } vehicleKinds
"""

DOORSTEP = {
    "point": f"query Point($id: ID!) {{ order(by: {{ id: $id }}) {{ {ORDER_FIELDS} }} }}",
    "page": f"query Page {{ orders(first: 100) {{ nodes {{ {ORDER_FIELDS} metadata }} pageInfo {{ hasNextPage endCursor }} }} }}",
    "stops": f"""
        query Stops {{ orders(first: 100) {{ nodes {{ {ORDER_FIELDS} metadata assignment {{
            route {{ id status driver {{ id name }} }}
            stops {{ id kind status sequence plannedArrival plannedDeparture coordinates {{ latitude longitude }} }}
        }} }} pageInfo {{ hasNextPage endCursor }} }} }}
    """,
}

_POSTGRAPHILE_FIELDS = """
rowId reference displayReference version kind status statusReason custody locationStatus attemptNumber priority requiredSkills
dueAt createdAt updatedAt weightGrams items vehicleKinds
"""

# An order's active assignment is unique, so that PostGraphile finds it from the assignment's side alone.
POSTGRAPHILE = {
    "point": f"query Point($tenant: UUID!, $id: UUID!) {{ orderByTenantIdAndRowId(tenantId: $tenant, rowId: $id) {{ {_POSTGRAPHILE_FIELDS} }} }}",
    "page": f"query Page {{ allOrders(first: 100) {{ nodes {{ {_POSTGRAPHILE_FIELDS} metadata }} pageInfo {{ hasNextPage endCursor }} }} }}",
    "stops": f"""
        query Stops {{ allAssignments(first: 100) {{ nodes {{
            orderByTenantIdAndOrderId {{ {_POSTGRAPHILE_FIELDS} metadata
                stopOrdersByTenantIdAndOrderId {{ nodes {{ stopByTenantIdAndStopId {{
                    rowId kind status sequence plannedArrival plannedDeparture latitude longitude
                }} }} }}
            }}
            routeByTenantIdAndRouteId {{ rowId status driverByTenantIdAndDriverId {{ rowId name }} }}
        }} pageInfo {{ hasNextPage endCursor }} }} }}
    """,
}
