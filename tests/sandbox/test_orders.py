"""simulateOrder on a running server: each outcome, each kind of order, as a subscriber sees it."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from tests.sandbox.conftest import PATIENCE, SHOP, Company

LOADED = ["ASSIGNED", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF"]
FETCHED = ["ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF"]
ENDS = {
    "DELIVERED": ["DELIVERED"],
    "LATE": ["DELIVERED"],
    "NOT_HOME": ["ATTEMPT_FAILED", "AWAITING_REATTEMPT"],
    "REFUSED": ["ATTEMPT_FAILED", "RETURNING", "RETURNED"],
}
PICKUP = {"address": {"line1": "Städtle 1", "city": "Vaduz"}, "coordinates": SHOP}


def moves_in(heard: list[dict[str, Any]]) -> list[str]:
    """The states that were told of."""
    return [one["to"] for one in heard if one["__typename"] == "OrderStatusChanged"]


@pytest.mark.parametrize("outcome", list(ENDS))
async def test_every_outcome_as_a_subscriber_sees_it(company: Company, outcome: str) -> None:
    order_id = await company.order()
    async with company.listening() as heard:
        started = await company.do("simulateOrder", orderId=order_id, outcome=outcome, secondsPerStep=30)
        over = await company.over(started["id"])
        assert (over["status"], over["lastError"]) == ("SUCCEEDED", None)
        wanted = [*LOADED, *ENDS[outcome]]
        async with asyncio.timeout(PATIENCE):
            while len(moves_in(heard)) < len(wanted):
                await asyncio.sleep(0.05)
        assert moves_in(heard) == wanted
    assert over["route"]["status"] == "COMPLETED"
    assert over["order"]["id"] == order_id
    times = [datetime.fromisoformat(one["occurredAt"]) for one in heard]
    assert times == sorted(times), "the log's instants run forward"
    assert len({one["id"] for one in heard}) == len(heard)
