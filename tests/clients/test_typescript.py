"""The typed TypeScript client: generated from today's schema, strict, and true to its word when a server dies."""

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.clients.conftest import Shop
from tests.clients.nodejs import PORTAL, REPOSITORY, TYPESCRIPT, Node
from tests.faults.clients import CREATE_ORDER, Api, order_input
from tests.faults.conftest import Home, what_is_there
from tests.faults.processes import serving

from doorstep.places.roads.polyline import encode

SCHEMA = REPOSITORY / "schema.graphql"
GENERATE = PORTAL / "client" / "generate.mjs"
CURRENT = "run `npm run generate` in tests/clients/typescript and in src/portal"


@pytest.mark.parametrize(
    "folder", [TYPESCRIPT, PORTAL / "portal", PORTAL / "driver"], ids=["tests", "portal", "driver"]
)
def test_the_generated_documents_are_those_of_todays_schema(node: Node, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "documents.ts"
    made = node.run(str(GENERATE), str(SCHEMA), str(folder / "documents.graphql"), str(output), folder=PORTAL)
    assert made.returncode == 0, made.stderr
    assert output.read_text("utf-8") == (folder / "documents.ts").read_text("utf-8"), CURRENT


def test_client_and_story_compile_under_strict(node: Node) -> None:
    assert json.loads((PORTAL / "tsconfig.json").read_text("utf-8"))["compilerOptions"]["strict"] is True
    checked = compiled(node, TYPESCRIPT)
    assert checked.returncode == 0, checked.stdout


def compiled(node: Node, folder: Path) -> subprocess.CompletedProcess[str]:
    return node.run(str(PORTAL / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit", folder=folder)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("event.to}", "event.unto}"),  # a field that was not asked for
        ('"DELIVERED"] }', '"DELIVERD"] }'),  # a value that the enum does not have
        ("office.ask(ViewerDocument)", "office.ask(CreateDriverDocument)"),  # variables left out
    ],
)
def test_a_wrong_use_of_the_client_does_not_compile(node: Node, right: str, wrong: str) -> None:
    story = (TYPESCRIPT / "story.ts").read_text("utf-8")
    assert right in story
    checked = compiled_beside(node, "story.ts", story.replace(right, wrong, 1))
    assert checked.returncode != 0
    assert checked.stdout.count("error TS") == checked.stdout.count("story.ts(") > 0


def test_the_example_of_the_readme_compiles(node: Node) -> None:
    page = (REPOSITORY / "README.md").read_text("utf-8")
    [block] = re.findall(r"^```ts\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    given = """
        import type { CreateOrderInput, WatchSubscription } from "./documents.ts";
        declare const key: string, input: CreateOrderInput;
        declare const load: () => Promise<string | null>, save: (cursor: string) => Promise<void>;
        declare const deal: (event: WatchSubscription["events"]["event"]) => Promise<void>;
    """
    text = given + block.replace("./client/", "../../../src/portal/client/")
    checked = compiled_beside(node, "readme.ts", text)
    assert checked.returncode == 0, checked.stdout


def compiled_beside(node: Node, name: str, text: str) -> subprocess.CompletedProcess[str]:
    """What the compiler says to another file in a copy of the package, which must lie beside it for its imports."""
    beside = Path(tempfile.mkdtemp(prefix="typescript-", dir=TYPESCRIPT.parent))
    try:
        shutil.copytree(TYPESCRIPT, beside, dirs_exist_ok=True)
        (beside / name).write_text(text, "utf-8")
        return compiled(node, beside)
    finally:
        shutil.rmtree(beside)


def test_the_portal_reads_encoded_lines_as_the_server_writes_them(node: Node) -> None:
    points = [
        (47.141, 9.5209),
        (-33.868801, 151.209301),
        (-54.8, -179.999999),
        (0.0, 179.999999),
        (47.141001, -0.000001),
    ]
    script = (
        f"import {{ decodePolyline }} from {json.dumps((PORTAL / 'portal' / 'geometry.ts').as_uri())};"
        f"console.log(JSON.stringify(decodePolyline({json.dumps(encode(points))})))"
    )
    told = node.run("--input-type=module", "--eval", script, folder=PORTAL)
    assert [(point["latitude"], point["longitude"]) for point in json.loads(told.stdout)] == points


async def test_the_main_story_from_order_to_delivery(node: Node, shop: Shop) -> None:
    process = await node.start("story.ts", shop.server.url, shop.key)
    try:
        said, complaints = await asyncio.wait_for(process.communicate(), 90)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0, complaints.decode()
    told = json.loads(said)
    assert told["tenant"] == "Corner Shop"
    assert told["delivered"] == ["TS-1", "TS-2", "TS-3"]
    ways = {order: [line.split()[1] for line in told["seen"] if line.startswith(order)] for order in told["delivered"]}
    for way in ways.values():
        assert way == ["ASSIGNED", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF", "DELIVERED"]


class Follower:
    """What follow.ts has told so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._heard = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @property
    def ids(self) -> list[str]:
        return [line["id"] for line in self.lines if line.get("id")]

    def count(self, what: str) -> int:
        """How many items of one kind, or interruptions."""
        return sum(line.get("kind") == what or what in line for line in self.lines)

    async def has(self, what: str, times: int) -> None:
        """Wait until it told so."""
        async with asyncio.timeout(40), self._heard:
            await self._heard.wait_for(lambda: self.count(what) >= times)

    async def end(self) -> None:
        """Close its input: it ends by itself, in good order."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.close()
        complaints = await asyncio.wait_for(self.process.stderr.read(), 20)
        await self._reading
        assert (await self.process.wait(), complaints) == (0, b"")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._heard:
                self.lines.append(json.loads(line))
                self._heard.notify_all()


@contextlib.asynccontextmanager
async def following(node: Node, url: str, key: str, script: str) -> AsyncIterator[Follower]:
    process = await node.start(script, url, key)
    try:
        yield Follower(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def take_in(api: Api, *keys: str) -> None:
    """Place orders, each of which must be accepted."""
    for key in keys:
        assert (await api.data(CREATE_ORDER, input=order_input(key)))["createOrder"]["problems"] == []


async def drill(node: Node, home: Home, rounds: int, script: str = "follow.ts") -> tuple[list[str], list[str]]:
    """Kill the server under a follower again and again, while a second one goes on taking orders in.

    Returns the ids of the events that the follower was told of, and of those in the log.
    """
    async with serving(home.path, home.log, count=2) as [server, other], Api(other.graphql_url, home.key) as api:
        async with following(node, server.url, home.key, script) as follower:
            await follower.has("CAUGHT_UP", 1)
            await take_in(api, "first")
            await follower.has("EVENT", 1)
            for round_ in range(1, rounds + 1):
                await take_in(api, f"{round_}-just-before")
                server.kill()
                await follower.has("interrupted", round_)
                await take_in(api, f"{round_}-meanwhile")
                await server.start()
                await follower.has("CAUGHT_UP", 1 + round_)
                told = follower.count("EVENT")
                await take_in(api, f"{round_}-afterwards")
                await follower.has("EVENT", told + 1)
            await follower.end()
        assert follower.count("interrupted") >= rounds
    _, events, _ = await what_is_there(home)
    return follower.ids, events


async def test_resume_events_misses_nothing_and_repeats_nothing_when_the_server_is_killed(
    node: Node,
    home: Home,
) -> None:
    told, events = await drill(node, home, rounds=2)
    assert told == events
    assert len(events) == 7


async def test_a_client_that_forgets_its_cursor_is_caught(
    node: Node,
    home: Home,
    tmp_path: Path,
) -> None:
    client = tmp_path / "client"
    shutil.copytree(PORTAL / "client", client)
    (tmp_path / "node_modules").symlink_to(PORTAL / "node_modules")
    kept = (client / "resume.ts").read_text("utf-8")
    forgotten = kept.replace("cursor = events.cursor;", "")
    assert forgotten != kept
    (client / "resume.ts").write_text(forgotten, "utf-8")
    shutil.copy(TYPESCRIPT / "documents.ts", tmp_path)
    follow = (TYPESCRIPT / "follow.ts").read_text("utf-8")
    (tmp_path / "follow.ts").write_text(follow.replace("../../../src/portal/client", "./client"), "utf-8")
    told, events = await drill(node, home, rounds=1, script=str(tmp_path / "follow.ts"))
    assert told != events
    assert set(told) < set(events)
