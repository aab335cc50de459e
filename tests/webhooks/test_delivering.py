"""What a receiver gets: signed, with id, cursor and version, as filtered, as a stored document says; and what the log of deliveries tells."""

from typing import Any

from standardwebhooks import Webhook
from tests.webhooks.conftest import Company, Working
from tests.webhooks.receiver import Receiver


async def test_an_event_is_posted_signed_and_resumes_the_log(company: Company, receiver: Receiver, working: Working):
    endpoint = await company.endpoint(receiver.url)
    order = await company.order(reference="A-1")
    async with working():
        await receiver.until(lambda: len(receiver.got) == 1)
        (delivery,) = await company.all_delivered(endpoint["id"])
    got = receiver.got[0]
    body: dict[str, Any] = Webhook(endpoint["secret"]).verify(got.text, got.headers)
    assert body["type"] == "OrderPlaced"
    assert body["id"] == got.id == delivery["eventId"]
    assert (body["orderId"], body["orderVersion"], body["replay"], body["missedBefore"]) == (order, 1, False, None)
    assert (got.headers["doorstep-cursor"], got.headers["doorstep-order-version"]) == (body["cursor"], "1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert body["data"]["orderId"] == order
    assert body["data"]["status"] == "PENDING"
    assert "A-1" not in got.text, "the standard payload holds facts, nobody's words"
    assert (delivery["state"], delivery["origin"], delivery["tries"]) == ("DELIVERED", "EVENT", 1)
    assert (delivery["answerStatus"], delivery["answer"], delivery["cursor"]) == (200, "ok", body["cursor"])
    await company.touch(order)
    after = await company.ask(
        "query ($after: Cursor) { events(after: $after) { nodes { __typename } } }", after=body["cursor"]
    )
    assert [node["__typename"] for node in after["events"]["nodes"]] == ["OrderUpdated"]
