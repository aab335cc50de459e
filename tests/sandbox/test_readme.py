"""The README's documents for the sandbox, pasted as they stand."""

import re

from tests.conftest import REPOSITORY
from tests.sandbox.conftest import Company


async def test_the_documents_of_the_readme_do_what_it_says(slow: Company) -> None:
    page = (REPOSITORY / "README.md").read_text("utf-8")
    part = page.partition("## A sandbox to test against")[2].partition("\n## ")[0]
    faster, simulate, watch = re.findall(r"^```graphql\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    assert (await slow.ask(faster))["setSandboxClock"]["clock"]["rate"] == 60
    payload = (await slow.ask(simulate, order=await slow.order()))["simulateOrder"]
    assert payload["problems"] == []
    assert payload["simulation"]["route"]["driver"]["name"] == "Robot 1"
    identifier = payload["simulation"]["id"]
    assert (await slow.over(identifier))["status"] == "SUCCEEDED"
    seen = (await slow.ask(watch, simulation=identifier))["simulation"]
    assert (seen["lastError"], seen["order"]["status"]) == (None, "AWAITING_REATTEMPT")
