"""The README's section on webhooks, pasted as it stands."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError
from tests.conftest import REPOSITORY
from tests.webhooks.conftest import Company, Working
from tests.webhooks.receiver import Receiver


async def test_the_snippets_of_the_readme_do_what_it_says(company: Company, receiver: Receiver, working: Working):
    page = (REPOSITORY / "README.md").read_text("utf-8")
    part = page.partition("## Webhooks")[2].partition("\n## ")[0]
    (create,) = re.findall(r"^```graphql\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    (python,) = re.findall(r"^```python\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    made = (await company.ask(create.replace("https://example.com/doorstep", receiver.url)))["createWebhookEndpoint"]
    assert made["problems"] == []
    order = await company.order(reference="A-1")
    await company.do("cancelOrder", id=order)
    async with working():
        await company.all_delivered(made["endpoint"]["id"])
    (got,) = receiver.got

    names: dict[str, Any] = {}
    exec(python, names)
    receive: Callable[..., dict[str, Any] | None] = names["receive"]
    seen: set[str] = set()
    event = receive(made["secret"], got.text.encode(), got.headers, seen)
    assert event is not None
    assert event["data"]["events"]["event"] == {"to": "CANCELLED", "order": {"reference": "A-1"}}
    assert receive(made["secret"], got.text.encode(), got.headers, seen) is None
    with pytest.raises(WebhookVerificationError):
        receive(made["secret"], got.text.replace("A-1", "A-2").encode(), got.headers, seen)
