"""A mail server that keeps what it is given, or refuses it as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class MailBox:
    """What came in. ``recipient`` is the answer to RCPT TO, ``goodbye`` to QUIT; with ``tls`` it offers STARTTLS; ``commands`` are all that clients said, in capitals, but for mails."""

    port: int = 0
    recipient: bytes = b"250 fine"
    goodbye: bytes = b"221 bye"
    tls: ssl.SSLContext | None = None
    commands: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As DOORSTEP_SMTP_URL has it."""
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address."""
        return [mail for mail in self.mails if str(mail["To"]) == address]

    def offers(self, writer: asyncio.StreamWriter) -> bytes:
        """The answer to EHLO."""
        if self.tls and writer.get_extra_info("sslcontext") is None:
            return b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN"
        return b"250-here\r\n250 AUTH PLAIN"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's conversation."""
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line.decode().strip()
            self.commands.append(word.upper())
            verb = word.upper().partition(" ")[0]
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(message_from_bytes(raw[:-3], policy=default))  # type: ignore[arg-type]
            answers = {
                "EHLO": self.offers(writer),
                "STARTTLS": b"220 go on",
                "RCPT": self.recipient,
                "QUIT": self.goodbye,
                "AUTH": b"235 in",
            }
            writer.write(answers.get(verb, b"250 fine") + b"\r\n")
            await writer.drain()
            if verb == "STARTTLS" and self.tls:
                try:
                    await writer.start_tls(self.tls)
                except OSError:  # the client does not believe the certificate
                    break
            if verb == "QUIT":
                break
        writer.close()


@asynccontextmanager
async def mail_server(port: int = 0) -> AsyncIterator[MailBox]:
    """It listens on this machine until the block ends."""
    box = MailBox()
    server = await asyncio.start_server(box.talk, "127.0.0.1", port)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
