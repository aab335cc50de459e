"""Sockets of a server: taken ports are refused in one line, stalled readers are given up."""

import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from doorstep.server import STALLED_READER_MILLISECONDS, PortTaken, listen, metrics_endpoint
from doorstep.settings import Settings


def test_a_port_that_is_taken_is_named_with_the_way_out():
    with listen("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(
            PortTaken, match=rf"127\.0\.0\.1 port {port}: address already in use\. .*--port or DOORSTEP_PORT"
        ):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_named():
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_a_connection_whose_reader_stalls_is_given_up():
    if sys.platform != "linux":
        pytest.skip("TCP_USER_TIMEOUT is Linux's own")
    with listen("127.0.0.1", 0) as listener:
        listener.listen()
        listener.setblocking(True)
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == STALLED_READER_MILLISECONDS


def test_metrics_keep_the_port_that_was_asked_for_and_else_find_a_free_one(tmp_path: Path):
    with listen("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        asked = Settings(_env_file=None, home=tmp_path, metrics_port=port)  # type: ignore[call-arg]
        with pytest.raises(PortTaken, match="DOORSTEP_METRICS_PORT"), metrics_endpoint(asked):
            pass
        left_out = asked.model_copy()
        left_out.model_fields_set.discard("metrics_port")
        with metrics_endpoint(left_out) as address:
            assert b"doorstep_requests" in urllib.request.urlopen(address).read()
