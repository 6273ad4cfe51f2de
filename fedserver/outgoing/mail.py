"""Mails on their way out, to the mail server that the configuration names.

It is the admin's choice, like the database, so its address is not checked as those of peers are.
The standard library's client blocks: call it in a thread.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Final

from fedserver.config.house_rules import MailConfig

_TIMEOUT_S: Final = 30.0
_PERMANENT: Final = 500


class MailRefused(Exception):
    """The mail server will never take this mail."""


class MailDelayed(Exception):
    """The mail cannot be sent now."""


def hand_over(mail: MailConfig, sender: str, message: EmailMessage) -> None:
    """Give `message` to the mail server. Raises MailRefused or MailDelayed; the text says why."""
    try:
        _hand_over(mail, sender, message)
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(max(code for code, _ in error.recipients.values()), error) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailDelayed(str(error)) from error


def greet(mail: MailConfig) -> None:
    """Connect to the mail server as for a mail, and hang up. Raises as `hand_over`."""
    try:
        with _signed_in(mail) as client:
            client.noop()
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailDelayed(str(error)) from error


def _refusal(code: int, error: smtplib.SMTPException) -> Exception:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return MailDelayed(f"[mail] smtp_user and smtp_password are not accepted: {error}")
    return MailRefused(str(error)) if code >= _PERMANENT else MailDelayed(str(error))


def _hand_over(mail: MailConfig, sender: str, message: EmailMessage) -> None:
    with _signed_in(mail) as client:
        client.send_message(message, from_addr=sender)


@contextmanager
def _signed_in(mail: MailConfig) -> Iterator[smtplib.SMTP]:
    with _connected(mail) as client:
        client.ehlo()
        if mail.smtp_security == "starttls":
            client.starttls(context=ssl.create_default_context())
        if mail.smtp_user:
            client.login(mail.smtp_user, mail.smtp_password)
        yield client


def _connected(mail: MailConfig) -> smtplib.SMTP:
    where = mail.smtp_host, mail.smtp_port
    if mail.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(*where, timeout=_TIMEOUT_S, context=context)
    return smtplib.SMTP(*where, timeout=_TIMEOUT_S)
