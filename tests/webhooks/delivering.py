"""A worker process to kill: it delivers webhooks on a fast schedule. ``python -m tests.webhooks.delivering APP_URL SYSTEM_URL HOME KEYS``."""

import asyncio
import sys
from pathlib import Path

from tests.webhooks.conftest import FAST, settings_in

from doorstep.assembly import assemble
from doorstep.kernel.db import DatabaseUrls
from doorstep.server import deliveries
from doorstep.worker import Worker


async def main(app: str, system: str, home: str) -> None:
    """Deliver until killed."""
    async with assemble(settings_in(Path(home)), DatabaseUrls(app, system)) as services:
        worker = Worker(services, {}, [], periodics=deliveries(services, FAST).periodics(), slots=1)
        worker.start()
        sys.stdout.write("delivers\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
