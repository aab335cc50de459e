"""What is handed to a mail server, and what is not."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.messages.mail_server import MailBox, mail_server
from tests.webhooks.conftest import settings_in
from tests.webhooks.test_addresses import certificate

from doorstep.cli.terminal import failures_in_one_line
from doorstep.messages.jobs import mail as adapter
from doorstep.messages.jobs.mail import Mail, MailServer, Outcome, post
from doorstep.messages.model import MessageFault

MAIL = Mail(UUID(int=7), "owner@example.org", "Grüße", "Ein Wort.\n", datetime(2026, 1, 2, tzinfo=UTC))


def server_at(url: str) -> MailServer:
    found = MailServer.of(settings_in(Path(), smtp_url=url, mail_from="doorstep@example.com"))
    assert found is not None
    return found


async def test_a_password_goes_over_no_open_connection_but_to_this_machine(
    box: MailBox, monkeypatch: pytest.MonkeyPatch
):
    server = server_at(f"smtp://me%40here:pa%3Ass@127.0.0.1:{box.port}")
    assert (server.user, server.password) == ("me@here", "pa:ss")
    assert "pa:ss" not in repr(server)
    assert await post(server, MAIL) == Outcome(None)
    assert len(box.mails) == 1
    assert box.mails[0]["Subject"] == "Grüße"
    assert [one for one in box.commands if one.startswith("AUTH")]
    box.commands.clear()
    monkeypatch.setattr(adapter, "_HERE", frozenset())
    assert await post(server, MAIL) == Outcome(MessageFault.INSECURE)
    assert len(box.mails) == 1
    assert [one for one in box.commands if one.startswith(("AUTH", "DATA"))] == []


async def test_starttls_is_used_where_it_is_offered_and_the_certificate_must_hold(
    box: MailBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = certificate(tmp_path, "localhost")
    box.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    box.tls.load_cert_chain(path)
    server = server_at(f"smtp://me:secret@localhost:{box.port}")
    assert await post(server, MAIL) == Outcome(MessageFault.INSECURE)
    assert [one for one in box.commands if one.startswith(("AUTH", "MAIL", "DATA"))] == []
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setattr(adapter, "_HERE", frozenset())
    box.commands.clear()
    assert await post(server, MAIL) == Outcome(None)
    assert [one.partition(" ")[0] for one in box.commands[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert len(box.mails) == 1


async def test_what_was_taken_is_taken_however_the_server_says_goodbye(box: MailBox):
    box.goodbye = b"421 no time"
    assert await post(server_at(box.url), MAIL) == Outcome(None)


async def test_an_address_of_another_script_goes_to_the_host_that_it_names(box: MailBox):
    assert await post(server_at(box.url), replace(MAIL, address="owner@straße.example")) == Outcome(None)
    assert "RCPT TO:<OWNER@XN--STRAE-OQA.EXAMPLE>" in box.commands


async def test_a_server_that_is_silent_or_no_mail_server_is_a_try_like_any_other(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adapter, "TIMEOUT_SECONDS", 0.3)
    async with mail_server() as box:
        smtps = replace(server_at(box.url), tls=True)
        assert (await post(smtps, MAIL)).fault in {MessageFault.INSECURE, MessageFault.UNREACHABLE}
        box.recipient = b"451 later"
        assert await post(server_at(box.url), MAIL) == Outcome(MessageFault.REFUSED, final=False, code=451)
    assert await post(server_at(box.url), MAIL) == Outcome(MessageFault.UNREACHABLE)


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("smtp://mail.example.com", None),
        (None, "doorstep@example.com"),
        ("http://me:s3cret@mail.example.com", "doorstep@example.com"),
        ("smtp://", "doorstep@example.com"),
        ("smtp://mail.example.com:port", "doorstep@example.com"),
        ("smtp://mail.example.com", "nobody"),
    ],
)
def test_half_a_mail_server_is_refused_at_the_start_in_a_line_without_its_password(
    url: str | None, sender: str | None, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit), failures_in_one_line():
        settings_in(Path(), smtp_url=url, mail_from=sender)
    said = capsys.readouterr().err
    assert said
    assert "s3cret" not in said
