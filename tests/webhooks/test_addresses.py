"""Requests lead out of our own network only, however a name is made to look, and an answer is read no further than it is kept."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webhooks.conftest import FAST, Company, make_company, settings_in
from tests.webhooks.receiver import OK, Got, Receiver, receiving, reply

from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.server import running_server
from doorstep.webhooks.errors import AddressRefused
from doorstep.webhooks.jobs.posting import Poster
from doorstep.webhooks.model import Fault, check_url, is_global

FORBIDDEN = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:c0a8:101::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "127.1",
    "017700000001",
]
OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_an_address_of_our_own_network_is_known_as_one(text: str):
    assert not is_global(text)


@pytest.mark.parametrize("text", OPEN)
def test_an_address_of_the_public_internet_is_known_as_one(text: str):
    assert is_global(text)


class Rebinding:
    """A name server that says something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]]
)
async def test_not_one_packet_goes_to_an_address_that_is_not_global(receiver: Receiver, addresses: list[str]):
    poster = Poster(resolve=Rebinding(addresses), policy=FAST)
    outcome = await poster.post(f"http://hooks.example:{receiver.port}/", b"{}", {})
    assert (outcome.fault, outcome.status) == (Fault.FORBIDDEN_ADDRESS, None)
    assert receiver.connections == 0


async def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_looked_at(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("doorstep.webhooks.jobs.posting.is_global", lambda address: address == "127.0.0.2")
    names = Rebinding(["127.0.0.2"], ["127.0.0.1"])
    outcome = await Poster(resolve=names, policy=FAST).post(f"http://hooks.example:{receiver.port}/", b"{}", {})
    assert names.asked == 1
    assert outcome.fault is Fault.UNREACHABLE, "nobody listens at 127.0.0.2 here"
    assert receiver.connections == 0


async def test_planted_a_connection_that_looks_the_name_up_again_reaches_us(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """The check looks at the name, and so does whoever connects, a moment later."""
    monkeypatch.setattr("doorstep.webhooks.jobs.posting.is_global", lambda address: address == "127.0.0.2")
    names = Rebinding(["127.0.0.2"], ["127.0.0.1"])
    checked = Poster._addresses

    async def looks_again(self: Poster, host: str, port: int) -> Sequence[str]:
        await checked(self, host, port)
        return await self.resolve(host, port)

    monkeypatch.setattr(Poster, "_addresses", looks_again)
    await Poster(resolve=names, policy=FAST).post(f"http://hooks.example:{receiver.port}/", b"{}", {})
    assert receiver.connections == 1


async def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver):
    async with receiving() as inside:

        async def away(_got: Got) -> bytes:
            return reply(302, location=inside.url)

        receiver.answer = away
        outcome = await Poster(private=True, policy=FAST).post(receiver.url, b"{}", {})
        assert (outcome.fault, outcome.status, inside.connections) == (Fault.STATUS, 302, 0)


async def test_what_never_ends_and_what_is_too_long_is_read_no_further_than_it_is_kept(receiver: Receiver):
    sent = 0

    async def for_ever(_got: Got) -> AsyncIterator[bytes]:
        async def parts() -> AsyncIterator[bytes]:
            nonlocal sent
            yield b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\nretry-after: 7\r\n\r\n"
            while sent < 10_000_000:
                sent += 1000
                yield b"3e8\r\n" + b"x" * 1000 + b"\r\n"

        return parts()

    receiver.answer = for_ever
    poster = Poster(private=True, policy=FAST)
    outcome = await poster.post(receiver.url, b"{}", {})
    assert (outcome.fault, outcome.status, outcome.rest) == (Fault.STATUS, 503, 7)
    assert outcome.answer == "x" * 4096
    assert sent < 10_000_000

    async def drips(_got: Got) -> AsyncIterator[bytes]:
        async def parts() -> AsyncIterator[bytes]:
            yield b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
            for _ in range(100):
                yield b"\x00\xff"
                await asyncio.sleep(0.1)

        return parts()

    receiver.answer = drips
    outcome = await poster.post(receiver.url, b"{}", {})
    assert (outcome.fault, outcome.status) == (None, 200), "it has said that it took it"
    assert outcome.seconds < 5
    assert "\x00" not in (outcome.answer or "")


async def test_what_hangs_breaks_off_or_is_no_http_is_a_failure(receiver: Receiver):
    poster = Poster(private=True, policy=FAST)

    async def hang(_got: Got) -> bytes:
        await asyncio.sleep(30)
        return OK

    async def mumble(_got: Got) -> bytes:
        return b"mumble\r\n\r\n"

    async def huge_head(_got: Got) -> bytes:
        return b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n"

    for answer, fault in ((hang, Fault.TIMEOUT), (mumble, Fault.BROKEN_ANSWER), (huge_head, Fault.BROKEN_ANSWER)):
        receiver.answer = answer
        outcome = await poster.post(receiver.url, b"{}", {})
        assert (outcome.fault, outcome.status) == (fault, None)
    gone = await poster.post("http://127.0.0.1:1/", b"{}", {})
    assert gone.fault is Fault.UNREACHABLE
    nowhere = await poster.post("http://nowhere.invalid/", b"{}", {})
    assert nowhere.fault is Fault.UNRESOLVED


def certificate(home: Path, name: str) -> Path:
    """A certificate for a name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = home / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_is_with_the_name_though_the_connection_is_with_an_address(tmp_path: Path):
    path = certificate(tmp_path, "hooks.example")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(path)
    asked_for: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: asked_for.append(name)  # type: ignore[assignment]
    trusting = ssl.create_default_context(cafile=str(path))
    async with receiving(ssl=serving) as receiver:
        poster = Poster(private=True, resolve=Rebinding(["127.0.0.1"]), policy=FAST, tls=trusting)
        outcome = await poster.post(f"https://hooks.example:{receiver.port}/", b"{}", {})
        assert (outcome.fault, outcome.status) == (None, 200)
        assert asked_for == ["hooks.example"]
        assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"
        other = await poster.post(f"https://other.example:{receiver.port}/", b"{}", {})
        assert other.fault is Fault.UNREACHABLE, "the certificate is not its"
        assert len(receiver.got) == 1


REFUSED = [
    "http://example.com/",
    "ftp://example.com/",
    "example.com",
    "",
    "https://",
    "https://user:pass@example.com/",
    "https://example.com/#part",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://exa mple.com/",
    "https://example.com/\\@evil",
    "https://exämple.com/",
    "https://example.com/" + "x" * 2000,
    "https://[::1",
]


async def test_unless_the_operator_allows_it_a_url_is_https_and_of_the_public_internet(
    database_urls: DatabaseUrls, system: Database, tmp_path: Path
):
    async with (
        running_server(settings_in(tmp_path, webhooks_private=False), database_urls, work=False, port=0) as server,
        httpx.AsyncClient(timeout=30) as http,
    ):
        company: Company = await make_company(server, http, system)
        for url in REFUSED:
            code, path, _ = await company.refused("createWebhookEndpoint", name="ours", url=url)
            assert (code, path) == ("INVALID_VALUE", "url"), url
        made = await company.do("createWebhookEndpoint", name="ours", url="https://example.com:8443/hooks?a=b")
        assert made["endpoint"]["url"] == "https://example.com:8443/hooks?a=b"
        changed = await company.refused("updateWebhookEndpoint", id=made["endpoint"]["id"], url="https://10.0.0.1/")
        assert changed[:2] == ("INVALID_VALUE", "url")


def test_every_forbidden_address_is_one_or_a_word():
    """The list above has no slip that makes it pass by being nonsense."""
    words = {"localhost", "2130706433", "0x7f.1", "127.1", "017700000001"}
    for text in set(FORBIDDEN) - words:
        ipaddress.ip_address(text.partition("%")[0])


@settings(max_examples=500, deadline=None)
@given(st.text() | st.from_regex(r"https?://[\[\]:@/?#\\.0-9a-z%]{0,30}"))
def test_whatever_is_given_as_a_url_is_refused_or_leads_to_a_host(text: str):
    with suppress(AddressRefused):
        parts = urlsplit(check_url(text, private=False))
        assert parts.scheme == "https"
        assert parts.hostname
        assert parts.username is None
