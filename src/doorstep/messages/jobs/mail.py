"""One mail to one mail server, by SMTP: the standard library's client, in a thread of its own.

The connection is encrypted where the server offers it, and its certificate must hold. A password goes over no connection that is not encrypted,
but to this very machine.
"""

import asyncio
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.utils import format_datetime, parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit
from uuid import UUID

import email_validator

from doorstep.kernel.ids import public_id
from doorstep.messages.model import MessageFault
from doorstep.settings import Settings

TIMEOUT_SECONDS = 15.0
"""Of each step of a conversation with a mail server."""

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_FINAL_CODES = range(500, 600)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and who it is from."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str = field(repr=False)
    sender: str

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The installation's mail server; None when it has none."""
        if settings.smtp_url is None or settings.mail_from is None:
            return None
        parts = urlsplit(settings.smtp_url)
        tls = parts.scheme == "smtps"
        return cls(
            parts.hostname or "",
            parts.port or (465 if tls else 587),
            tls,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password or ""),
            settings.mail_from,
        )


@dataclass(frozen=True, slots=True)
class Mail:
    """A message and the address that it goes to."""

    message_id: UUID
    address: str = field(repr=False)
    subject: str
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try. ``fault`` None: the server took it. ``final``: another try would be refused as well. ``code`` is the server's, without its words."""

    fault: MessageFault | None
    final: bool = False
    code: int | None = None


class _Insecure(Exception):
    """The password would be readable on its way."""


async def post(server: MailServer, mail: Mail) -> Outcome:
    """Hand a mail in and say what came of it."""
    return await asyncio.to_thread(_post, server, mail)


def _post(server: MailServer, mail: Mail) -> Outcome:
    try:
        client = _connected(server)
        try:
            client.send_message(_written(server, mail))
        finally:
            _part(client)
    except _Insecure:
        return Outcome(MessageFault.INSECURE)
    except smtplib.SMTPAuthenticationError as error:
        return Outcome(MessageFault.SIGN_IN, code=error.smtp_code)
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _ in error.recipients.values()), default=None)
        return Outcome(MessageFault.REFUSED, final=code in _FINAL_CODES, code=code)
    except smtplib.SMTPResponseException as error:
        return Outcome(MessageFault.REFUSED, code=error.smtp_code)
    except TimeoutError:
        return Outcome(MessageFault.TIMEOUT)
    except ssl.SSLError:
        return Outcome(MessageFault.INSECURE)
    except (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError, OSError) as error:
        # Most errors of the client are OSErrors as well, also what the server does not support.
        fault = MessageFault.REFUSED if isinstance(error, smtplib.SMTPNotSupportedError) else MessageFault.UNREACHABLE
        return Outcome(fault)
    return Outcome(None)


def _connected(server: MailServer) -> smtplib.SMTP:
    """A client that may hand mail in."""
    secure = ssl.create_default_context()
    client: smtplib.SMTP
    if server.tls:
        client = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=secure)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    try:
        encrypted = server.tls
        client.ehlo_or_helo_if_needed()
        if not encrypted and client.has_extn("starttls"):
            client.starttls(context=secure)
            encrypted = True
        if server.user is not None:
            if not encrypted and server.host not in _HERE:
                raise _Insecure
            client.login(server.user, server.password)
    except BaseException:
        client.close()
        raise
    return client


def _part(client: smtplib.SMTP) -> None:
    """Say goodbye. What was taken is taken, however the server answers to that."""
    with suppress(smtplib.SMTPException, OSError):
        client.quit()
    client.close()


def _written(server: MailServer, mail: Mail) -> EmailMessage:
    """The mail, the same each time that it is sent."""
    name, sender = parseaddr(server.sender)
    letter = EmailMessage(policy=LINES)
    letter["From"] = Address(name, addr_spec=sender)
    letter["To"] = _address(mail.address)
    letter["Subject"] = mail.subject
    letter["Date"] = format_datetime(mail.written_at)
    letter["Message-ID"] = f"<{public_id('message', mail.message_id)}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(mail.text)
    return letter


def _address(text: str) -> Address:
    """An address with its host as the network knows it."""
    known = email_validator.validate_email(text, check_deliverability=False)
    return Address(username=known.local_part, domain=known.ascii_domain)
