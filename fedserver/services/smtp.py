"""Sending a mail: to the mail server of the configuration, or into a folder where there is none.

The server is the admin's choice, like the database, so its address is not checked as those of
peers are. The standard library's client runs in a thread.
"""

import asyncio
import logging
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final

from fedserver.config import Config
from storage.mails import MailRow

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 30.0
_PERMANENT: Final = 500


class MailRefused(Exception):
    """The mail server will never take this mail."""


class MailDelayed(Exception):
    """The mail cannot be sent now."""


async def send(config: Config, mail: MailRow) -> None:
    """Send `mail`. Raises MailRefused or MailDelayed; the text says why."""
    message = as_message(config, mail)
    if not config.mail.smtp_host:
        await asyncio.to_thread(_keep, config, mail, message)
        return
    try:
        await asyncio.to_thread(_hand_over, config, message)
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(max(code for code, _ in error.recipients.values()), error) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailDelayed(str(error)) from error


def as_message(config: Config, mail: MailRow) -> EmailMessage:
    """Give the mail as it goes over the wire (RFC 5322); one id, however often it is sent."""
    message = EmailMessage()
    message["From"] = sender(config)
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@{_host(config)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return message


def sender(config: Config) -> str:
    """Give the address that mails come from."""
    return config.mail.sender or f"notifications@{_host(config)}"


def _host(config: Config) -> str:
    return config.instance.domain.partition(":")[0]


def _refusal(code: int, error: smtplib.SMTPException) -> Exception:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return MailDelayed(f"[mail] smtp_user and smtp_password are not accepted: {error}")
    return MailRefused(str(error)) if code >= _PERMANENT else MailDelayed(str(error))


def _hand_over(config: Config, message: EmailMessage) -> None:
    mail = config.mail
    context = ssl.create_default_context()
    client: smtplib.SMTP
    if mail.smtp_security == "tls":
        client = smtplib.SMTP_SSL(
            mail.smtp_host, mail.smtp_port, timeout=_TIMEOUT_S, context=context
        )
    else:
        client = smtplib.SMTP(mail.smtp_host, mail.smtp_port, timeout=_TIMEOUT_S)
    with client:
        if mail.smtp_security == "starttls":
            client.starttls(context=context)
        if mail.smtp_user:
            client.login(mail.smtp_user, mail.smtp_password)
        client.send_message(message, from_addr=parseaddr(sender(config))[1])


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
