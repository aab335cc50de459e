import io
import json
import logging

import pytest
import structlog

from doorstep.kernel.logs import SILENT, configure_logging, describe


@pytest.fixture
def written():
    """What a process that logs JSON at level info writes; logging is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.NOTSET)


def _fail() -> None:
    secret = "+423 232 66 11"
    try:
        int(secret)
    except ValueError as error:
        raise RuntimeError(f"cannot call {secret}") from error


def test_a_traceback_names_places_and_classes_but_nothing_of_a_client(written):
    try:
        _fail()
    except RuntimeError as error:
        structlog.get_logger("doorstep.test").error("job_failed", exc_info=error)
    [line] = written()
    assert (line["event"], line["level"], line["logger"]) == ("job_failed", "error", "doorstep.test")
    assert "builtins.ValueError" in line["exception"]
    assert "in _fail" in line["exception"]
    assert "232" not in json.dumps(line)


def test_other_libraries_are_routed_or_silenced(written):
    logging.getLogger("uvicorn.access").error("GET /graphql?query=secret")
    logging.getLogger("strawberry.execution").error("secret")
    logging.getLogger("sqlalchemy.engine").info("secret")
    logging.getLogger("uvicorn.error").warning("ports are odd")
    assert [line["event"] for line in written()] == ["ports are odd"]


def test_messages_are_there_on_request():
    with pytest.raises(RuntimeError) as caught:
        _fail()
    assert "cannot call" in describe(caught.value, with_messages=True)
    assert "cannot call" not in describe(caught.value)
