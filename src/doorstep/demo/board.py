"""The live table in the terminal: how many orders of each company stand where, fed by each company's own event stream."""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from doorstep.demo import documents
from doorstep.demo.dispatcher import CompanyDay
from doorstep.kernel.time import Clock

COLUMNS = {
    "PENDING": "open",
    "ASSIGNED": "planned",
    "PICKED_UP": "loaded",
    "EN_ROUTE_TO_DROPOFF": "on the way",
    "AT_DROPOFF": "at the door",
    "DELIVERED": "delivered",
    "CANCELLED": "cancelled",
}
"""The table's columns: a status and what it is called there."""

FINAL = {"DELIVERED", "CANCELLED", "RETURNED"}
_SHOWN_AS = {
    "OFFERED": "PENDING",
    "EN_ROUTE_TO_PICKUP": "ASSIGNED",
    "AT_PICKUP": "ASSIGNED",
    "ATTEMPT_FAILED": "AT_DROPOFF",
    "AWAITING_REATTEMPT": "PENDING",
    "RETURNING": "PICKED_UP",
    "RETURNED": "CANCELLED",
}


class Board:
    """Follows the streams and draws what they say."""

    def __init__(self, days: list[CompanyDay], clock: Clock, zone: ZoneInfo, address: str) -> None:
        self._days = days
        self.clock = clock
        self._zone = zone
        self._address = address
        self._status: dict[str, str] = {}
        self._latest: deque[tuple[datetime, str]] = deque(maxlen=8)
        self._tasks: list[asyncio.Task[None]] = []
        self.all_final = asyncio.Event()
        self.first_delivered = asyncio.Event()
        self.first_seconds = 0.0

    def start(self) -> None:
        """Begin to follow; orders that were made before are PENDING until an event says otherwise."""
        for day in self._days:
            self._status.update(dict.fromkeys(day.order_ids, "PENDING"))
            self._status.update(dict.fromkeys(day.given_ids, "ASSIGNED"))
        self._tasks = [asyncio.create_task(self._follow(day)) for day in self._days]

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self, day: CompanyDay) -> None:
        async for item in day.api.stream(documents.EVENTS, "events"):
            event = item["event"]
            if event is not None and event["__typename"] == "OrderStatusChanged":
                self._note(day, event)

    def _note(self, day: CompanyDay, event: dict[str, object]) -> None:
        order_id, status = str(event["orderId"]), str(event["to"])
        if order_id not in self._status:
            return
        self._status[order_id] = status
        order = event["order"]
        reference = order["displayReference"] if isinstance(order, dict) else order_id
        at = datetime.fromisoformat(str(event["occurredAt"])).astimezone(self._zone)
        self._latest.append((at, f"{at:%H:%M:%S}  {day.company.name}  {reference}  {event['from']} → {status}"))
        if status == "DELIVERED":
            self.first_delivered.set()
        if all(one in FINAL for one in self._status.values()):
            self.all_final.set()

    def counts(self, day: CompanyDay) -> Counter[str]:
        """Orders of a company by the column that shows them."""
        return Counter(_SHOWN_AS.get(self._status[one], self._status[one]) for one in day.order_ids)

    @property
    def finished(self) -> int:
        """How many orders are final."""
        return sum(status in FINAL for status in self._status.values())

    def __rich__(self) -> RenderableType:
        """The table, the bar and the latest events."""
        table = Table(title=f"{self.clock.now().astimezone(self._zone):%A %H:%M} · {self._address}", expand=False)
        table.add_column("Company", no_wrap=True)
        for heading in COLUMNS.values():
            table.add_column(heading, justify="right")
        for day in self._days:
            counts = self.counts(day)
            table.add_row(day.company.name, *(str(counts[column] or "·") for column in COLUMNS))
        bar = ProgressBar(total=max(1, len(self._status)), completed=self.finished, width=60)
        return Group(table, bar, "", Text("\n".join(line for _, line in sorted(self._latest)), style="dim"))
