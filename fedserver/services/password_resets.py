"""A forgotten password is replaced through a link in a mail."""

from datetime import timedelta
from typing import Final

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.secrets import new_token, token_hash
from fedserver.services import passwords
from fedserver.services.mails import mail_changed, mail_new_password
from fedserver.services.users import sign_out_everywhere
from storage.sign_ups import (
    DELETE_LINKS_OF_ACCOUNT,
    INSERT_MAIL_LINK,
    MAIL_LINK,
    TAKE_MAIL_LINK,
)
from storage.users import SET_PASSWORD, USER_BY_EMAIL, USER_BY_ID

_LIFETIME: Final = timedelta(hours=6)
_PURPOSES: Final = ["password"]
_NOT_VALID: Final = "This link is not valid any more. Ask for a new one"


async def ask(ctx: Context, email: str) -> None:
    """Mail a link to who has this address; nobody is told whether somebody has."""
    user = await ctx.db.one(USER_BY_EMAIL, email.strip())
    if user is None or user.disabled_at is not None or user.suspended_at is not None:
        return
    token = new_token()
    async with ctx.db.transaction() as tx:
        await tx.execute(DELETE_LINKS_OF_ACCOUNT, user.account_id, "password")
        await tx.execute(
            INSERT_MAIL_LINK,
            token_hash(token),
            "password",
            user.account_id,
            None,
            user.email,
            ctx.clock.now() + _LIFETIME,
        )
        link = f"{ctx.config.base_url}/auth/password/edit?reset_password_token={token}"
        await mail_new_password(ctx, tx, user.email, user.username, link)


async def check_link(ctx: Context, token: str) -> None:
    """Raise NotFound unless the link of a mail is good now."""
    if await ctx.db.one(MAIL_LINK, token_hash(token), _PURPOSES, ctx.clock.now()) is None:
        raise NotFound(_NOT_VALID)


async def choose(ctx: Context, token: str, password: str) -> None:
    """Set the password, and sign the person out everywhere. Raises Invalid, NotFound.

    A second factor stays: who reads the mails does not have it by that.
    """
    await check_link(ctx, token)
    hashed = await passwords.hash_password(password)
    async with ctx.db.transaction() as tx:
        link = await tx.one(TAKE_MAIL_LINK, token_hash(token), _PURPOSES, ctx.clock.now())
        if link is None or link.account_id is None:
            raise NotFound(_NOT_VALID)
        await tx.execute(SET_PASSWORD, link.account_id, hashed)
        await sign_out_everywhere(tx, link.account_id)
        user = await tx.one(USER_BY_ID, link.account_id)
        if user is not None:
            what = "the password was replaced through a link in a mail"
            await mail_changed(ctx, tx, user.email, user.username, what)
