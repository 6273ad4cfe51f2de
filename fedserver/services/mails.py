"""Mails to people: what they say. They are stored with what they tell of; a worker sends them."""

from typing import Final

from fedserver.context import Context
from fedserver.events import MAILS, NOTIFY
from storage.database import Transaction
from storage.mails import INSERT_MAIL

_FOOT: Final = "\n\n-- \n{title}\n{address}\n"


async def write_mail(
    ctx: Context, tx: Transaction, recipient: str, subject: str, text: str
) -> None:
    """Queue a mail of plain text; it goes out after the transaction's commit."""
    body = f"{text.strip()}{foot(ctx)}"
    await tx.execute(INSERT_MAIL, ctx.ids.new(), recipient, subject, body, ctx.clock.now())
    await tx.execute(NOTIFY, MAILS, "")


def foot(ctx: Context) -> str:
    """Give what every mail ends with: who sends it."""
    return _FOOT.format(title=ctx.config.instance.title, address=ctx.config.base_url)


async def mail_confirmation(
    ctx: Context, tx: Transaction, recipient: str, username: str, link: str
) -> None:
    """Ask whether the address is the person's own."""
    domain = ctx.config.instance.domain
    text = f"""
Hello {username},

somebody, most likely you, wants to use this address for the account @{username}@{domain}.
Open this link to say that it is yours. It works once, within two days:

{link}

If it was not you, ignore this mail: nothing happens then.
"""
    await write_mail(ctx, tx, recipient, f"Confirm your e-mail address for {domain}", text)


async def mail_welcome(ctx: Context, tx: Transaction, recipient: str, username: str) -> None:
    """Say that the account is there."""
    domain = ctx.config.instance.domain
    text = f"""
Welcome, {username}!

Your account @{username}@{domain} is ready. Open a Mastodon app or a web client, enter the name of
the server, {domain}, and sign in.
"""
    await write_mail(ctx, tx, recipient, f"Welcome to {domain}", text)


async def mail_rejection(ctx: Context, tx: Transaction, recipient: str, username: str) -> None:
    """Say that an admin did not agree."""
    domain = ctx.config.instance.domain
    text = f"""
Hello {username},

the admins of {domain} have looked at your application and cannot accept it. What you sent with it
has been deleted.
"""
    await write_mail(ctx, tx, recipient, f"Your application at {domain}", text)


async def mail_new_password(
    ctx: Context, tx: Transaction, recipient: str, username: str, link: str
) -> None:
    """Bring the link with which a forgotten password is replaced."""
    domain = ctx.config.instance.domain
    text = f"""
Hello {username},

somebody asked for a new password for @{username}@{domain}. Open this link to choose one. It works
once, within six hours:

{link}

If it was not you, ignore this mail: your password stays what it is.
"""
    await write_mail(ctx, tx, recipient, f"A new password for {domain}", text)


async def mail_changed(
    ctx: Context, tx: Transaction, recipient: str, username: str, what: str
) -> None:
    """Tell of a change to how one signs in, so that nobody makes it unnoticed."""
    domain = ctx.config.instance.domain
    text = f"""
Hello {username},

for your account @{username}@{domain}: {what}.

If it was not you, choose a new password at once, or write to the admins of {domain}:
{ctx.config.base_url}/auth/password/new
"""
    await write_mail(ctx, tx, recipient, f"A change to your account at {domain}", text)


async def mail_archive(
    ctx: Context, tx: Transaction, recipient: str, username: str, days: int
) -> None:
    """Say that the archive is there."""
    domain = ctx.config.instance.domain
    text = f"""
Hello {username},

the archive of @{username}@{domain} that you asked for is ready. You find it here for {days} days:

{ctx.config.base_url}/auth/archive

If it was not you, choose a new password at once: whoever asked can sign in as you.
"""
    await write_mail(ctx, tx, recipient, f"Your archive at {domain}", text)
