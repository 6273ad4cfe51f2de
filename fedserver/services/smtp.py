"""Sending a mail: to the mail server of the configuration, or into a folder where there is none."""

import asyncio
import logging
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path

from fedserver.config import Config
from fedserver.outgoing.mail import hand_over
from storage.mails import MailRow

log = logging.getLogger(__name__)

# Long links in headers stay as they are: mail programs do not put encoded ones together again.
_WHOLE_LINES = policy.default.clone(max_line_length=998)


async def send(config: Config, mail: MailRow) -> None:
    """Send `mail`. Raises MailRefused or MailDelayed; the text says why."""
    message = as_message(config, mail)
    if not config.mail.smtp_host:
        await asyncio.to_thread(_keep, config, mail, message)
        return
    await asyncio.to_thread(hand_over, config.mail, parseaddr(sender(config))[1], message)


def as_message(config: Config, mail: MailRow) -> EmailMessage:
    """Give the mail as it goes over the wire (RFC 5322); one id, however often it is sent."""
    message = EmailMessage(_WHOLE_LINES)
    message["From"] = sender(config)
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@{_host(config)}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.unsubscribe_url:
        # One press in the mail program, without a page (RFC 8058).
        message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.body)
    return message


def sender(config: Config) -> str:
    """Give the address that mails come from."""
    return config.mail.sender or f"notifications@{_host(config)}"


def _host(config: Config) -> str:
    return config.instance.domain.partition(":")[0]


def _keep(config: Config, mail: MailRow, message: EmailMessage) -> None:
    folder = mail_folder(config)
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{mail.id}.eml"
    partial = file.with_suffix(".part")
    partial.write_bytes(message.as_bytes())
    partial.rename(file)
    shown = f":\n{mail.body}" if config.is_local else ""
    log.info("a mail to %s is in %s%s", mail.recipient, file, shown)


def mail_folder(config: Config) -> Path:
    """Give the folder that mails are written into where there is no mail server."""
    return config.data.folder / "mails"
