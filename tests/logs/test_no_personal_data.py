"""Nothing that a client sent is in any log line: sent by every path, in both log formats, with faults of ours that quote it."""

import io
import logging
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import asyncpg
import httpx
import pytest
import structlog
from tests.isolation.stages import Stage, open_stage
from tests.logs.canaries import (
    CANARIES,
    CREATE,
    FAULTS,
    PHONE,
    WORD,
    Sender,
    found_in,
    lines_of,
    order,
    quotes_its_cause,
    tasks_nobody_waits_for,
)

from doorstep.cli.terminal import failures_in_one_line
from doorstep.kernel.graphql import context as kernel_context
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.jobs import JobKind
from doorstep.kernel.logs import QUIET, SILENT, configure_logging, configure_unless_done, log_stray_errors
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.planning.jobs import CONSUMERS, JOB_KINDS
from doorstep.schema import DoorstepSchema
from doorstep.server import start_worker
from doorstep.worker import Worker


@contextmanager
def logged(form: str, level: str) -> Iterator[io.StringIO]:
    """What a process that logs so writes inside the block; logging is put back afterwards."""
    root = logging.getLogger()
    before, before_level, stream = root.handlers[:], root.level, io.StringIO()
    levels = {name: logging.getLogger(name).level for name in (*QUIET, *SILENT)}
    configure_logging(form, level, stream)
    try:
        yield stream
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(before_level)
        for name, number in levels.items():
            logging.getLogger(name).setLevel(number)


@pytest.fixture(scope="module")
async def stage(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with open_stage(cluster, template, tmp_path_factory.mktemp("logs")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def sender(stage: Stage) -> AsyncIterator[Sender]:
    desk = await stage.bare_desk("sender")
    async with httpx.AsyncClient(timeout=30) as http:
        yield Sender(stage.server, http, desk.client.key)


@pytest.mark.parametrize(("form", "level"), [("json", "info"), ("console", "info"), ("json", "debug")])
async def test_what_clients_send_is_in_no_line(
    sender: Sender, capfd: pytest.CaptureFixture[str], form: str, level: str
) -> None:
    with logged(form, level) as stream:
        await sender.requests()
        await sender.bodies()
        await sender.sockets()
    assert found_in(stream.getvalue()) == []
    assert found_in("".join(capfd.readouterr())) == []
    if form == "json":
        list(lines_of(stream.getvalue()))
    assert {status for status, _ in sender.answers} == {200, 400, 401, 413}
    assert any('"problems":[]' in text for _, text in sender.answers)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_a_fault_of_ours_that_quotes_it_leaves_a_reference_and_no_more(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], form: str, fault: str
) -> None:
    with logged(form, "info") as stream, monkeypatch.context() as patch:
        patch.setattr(kernel_context, "find_outcome", FAULTS[fault])
        given = order(idempotencyKey=f"{CANARIES['idempotency']} {fault}")
        answer = await sender.post(CREATE.replace("createOrder(", f"{WORD}: createOrder("), variables={"input": given})
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert found_in(error["message"]) == []
    text = stream.getvalue()
    assert found_in(text) == []
    assert found_in("".join(capfd.readouterr())) == []
    assert text.count(error["extensions"]["reference"]) == 1
    if form == "json":
        [line] = lines_of(text)
        assert line["reference"] == error["extensions"]["reference"]
        assert line["field"] == "createOrder"
        assert set(line) == {"event", "level", "logger", "timestamp", "reference", "field", "exception"}
        assert "Error" in line["exception"]
        assert "in find_outcome" in line["exception"] or fault in line["exception"]


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_subscription_that_fails_leaves_a_reference_and_no_more(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    with logged(form, "info") as stream, monkeypatch.context() as patch:
        patch.setattr(DoorstepSchema, "stream", quotes_its_cause)
        await sender.sockets()
    assert "internal_error" in stream.getvalue()
    assert found_in(stream.getvalue()) == []


@pytest.mark.parametrize("form", ["json", "console"])
async def test_jobs_and_relays_name_nothing(stage: Stage, capfd: pytest.CaptureFixture[str], form: str) -> None:
    """Two companies with a canary in every text: orders that are tendered, driven, relayed and planned; and jobs that fail quoting it."""
    with logged(form, "info") as stream:
        worker = start_worker(stage.server.services)
        desk = await stage.desk(f"company-{form}")
        await worker.stop(5)
        failing = {name: JobKind(quotes_its_cause, kind.give_up) for name, kind in JOB_KINDS.items()}
        broken = Worker(stage.server.services, failing, CONSUMERS)
        broken.start()
        await desk.furnish()
        for _ in range(100):
            if "job_failed" in stream.getvalue():
                break
            await tasks_nobody_waits_for()
        await broken.stop(5)
    text = stream.getvalue()
    assert "job_failed" in text
    assert desk.canary not in text
    assert found_in(text) == []
    assert found_in("".join(capfd.readouterr())) == []
    if form == "json":
        list(lines_of(text))


@pytest.mark.parametrize("form", ["json", "console"])
async def test_what_other_libraries_say_is_cut_to_their_own_words(form: str) -> None:
    with logged(form, "info") as stream:
        await tasks_nobody_waits_for()
        logging.getLogger("uvicorn.error").error("%s - bad request from %s", WORD, PHONE)
        logging.getLogger("some.library").error(ValueError(WORD))
        logging.getLogger("some.library").warning("%d of them", WORD)  # no number: the record cannot be written
    assert "Task exception was never retrieved" in stream.getvalue()
    assert found_in(stream.getvalue()) == []


def test_what_ends_on_standard_error_by_itself_is_logged_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for holder, name in ((threading, "excepthook"), (sys, "unraisablehook"), (warnings, "showwarning")):
        monkeypatch.setattr(holder, name, getattr(holder, name))
    with logged("json", "info") as stream:
        log_stray_errors()
        thread = threading.Thread(target=lambda: int(WORD))
        thread.start()
        thread.join()
        warnings.showwarning(UserWarning(WORD), UserWarning, "file.py", 1)
    events = [line["event"] for line in lines_of(stream.getvalue())]
    assert events == ["stray_exception", "warned"]
    assert found_in(stream.getvalue()) == []


async def test_without_any_configuration_tracebacks_show_no_variables(capfd: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    configure_unless_done()
    try:
        await quotes_its_cause()
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
    said = "".join(capfd.readouterr())
    structlog.reset_defaults()
    assert "RuntimeError" in said
    assert found_in(said) == []


async def test_a_command_does_not_quote_a_row(capfd: pytest.CaptureFixture[str]) -> None:
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    error.detail = f"Key (email)=({CANARIES['email']}) already exists."
    with pytest.raises(SystemExit), failures_in_one_line():
        raise error
    said = "".join(capfd.readouterr())
    assert "duplicate key" in said
    assert found_in(said) == []


# ── planted ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_planted_fault_a_line_with_the_exceptions_text_is_caught(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(*given: object) -> None:
        try:
            await quotes_its_cause()
        except RuntimeError as error:
            structlog.get_logger("doorstep.planted").error("failed", reason=str(error))
            raise

    with logged("json", "info") as stream, monkeypatch.context() as patch:
        patch.setattr(kernel_context, "find_outcome", careless)
        await sender.post(CREATE, variables={"input": order(idempotencyKey=f"{WORD} planted")})
    assert len(found_in(stream.getvalue())) == 1


async def test_planted_fault_the_path_with_its_aliases_is_caught(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was logged once."""
    with logged("json", "info") as stream, monkeypatch.context() as patch:
        patch.setattr(Context, "reads", quotes_its_cause)
        answer = await sender.post(f"{{ {WORD}: orders {{ nodes {{ id }} }} }}")
        assert found_in(stream.getvalue()) == []
        structlog.get_logger("doorstep.planted").error("internal_error", path=answer["errors"][0]["path"])
    assert len(found_in(stream.getvalue())) == 1
