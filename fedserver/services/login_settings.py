"""What a person changes about signing in: password, address, apps and browsers, leaving."""

from datetime import timedelta
from typing import Final

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.events import NOTIFY, TOKENS
from fedserver.secrets import new_token, token_hash
from fedserver.services import passwords
from fedserver.services.mails import mail_changed, mail_confirmation
from fedserver.services.sign_up_checks import Faults, check_email, check_email_free, taken
from fedserver.services.users import sign_out_everywhere
from storage.database import Conflict
from storage.oauth import DELETE_BROWSER, DELETE_OTHER_SESSIONS, REVOKE_APPLICATION
from storage.sign_ups import DELETE_LINKS_OF_ACCOUNT, INSERT_MAIL_LINK, MAIL_LINK, TAKE_MAIL_LINK
from storage.users import (
    ASK_FOR_DELETION,
    CANCEL_DELETION,
    PASSWORD_HASH,
    SET_EMAIL,
    SET_PASSWORD,
    USER_BY_ID,
    UserRow,
)

LINK_LIFETIME: Final = timedelta(days=2)
# Until then signing in again takes the wish back.
GRACE: Final = timedelta(days=14)
_PURPOSES: Final = ["change_email"]
_NOT_VALID: Final = "This link is not valid any more. Change the address once more"
_WRONG: Final = "Validation failed: Password is not right"


async def check_own_password(ctx: Context, account_id: int, password: str) -> None:
    """Raise Invalid unless `password` is the person's: a browser left open is not enough."""
    hashed = await ctx.db.value(PASSWORD_HASH, account_id)
    if not await passwords.verify_password(hashed, password):
        raise Invalid(_WRONG)


async def change_password(ctx: Context, account_id: int, session_id: int, password: str) -> None:
    """Set a new password; all browsers but this one are signed out. Raises Invalid."""
    hashed = await passwords.hash_password(password)
    async with ctx.db.transaction() as tx:
        await tx.execute(SET_PASSWORD, account_id, hashed)
        await tx.execute(DELETE_OTHER_SESSIONS, account_id, session_id)
        user = await tx.one(USER_BY_ID, account_id)
        if user is not None:
            await mail_changed(ctx, tx, user.email, user.username, "the password was changed")


async def ask_for_new_address(ctx: Context, user: UserRow, email: str) -> None:
    """Mail a link to the new address; until it is opened the old one stays. Raises Invalid."""
    address, faults = email.strip(), Faults()
    check_email(faults, address)
    await check_email_free(ctx, faults, address)
    faults.raise_if_any()
    token = new_token()
    async with ctx.db.transaction() as tx:
        await tx.execute(DELETE_LINKS_OF_ACCOUNT, user.account_id, "change_email")
        await tx.execute(
            INSERT_MAIL_LINK,
            token_hash(token),
            "change_email",
            user.account_id,
            None,
            address,
            ctx.clock.now() + LINK_LIFETIME,
        )
        link = f"{ctx.config.base_url}/auth/edit/email?token={token}"
        await mail_confirmation(ctx, tx, address, user.username, link)


async def check_address_link(ctx: Context, token: str) -> None:
    """Raise NotFound unless the link of a mail is good now."""
    if await ctx.db.one(MAIL_LINK, token_hash(token), _PURPOSES, ctx.clock.now()) is None:
        raise NotFound(_NOT_VALID)


async def change_address(ctx: Context, token: str) -> None:
    """Take the new address that the link was sent to; the old one is told. Raises Invalid,
    NotFound."""
    try:
        async with ctx.db.transaction() as tx:
            link = await tx.one(TAKE_MAIL_LINK, token_hash(token), _PURPOSES, ctx.clock.now())
            if link is None:
                raise NotFound(_NOT_VALID)
            user = await tx.one(USER_BY_ID, link.account_id)
            if user is None:
                raise NotFound(_NOT_VALID)
            await tx.execute(SET_EMAIL, user.account_id, link.email)
            what = f"the e-mail address is {link.email} now"
            await mail_changed(ctx, tx, user.email, user.username, what)
    except Conflict as conflict:
        raise taken(conflict) from conflict


async def revoke_application(ctx: Context, account_id: int, application_id: int) -> None:
    """Sign an application out, in all processes. Raises NotFound."""
    gone = await ctx.db.values(REVOKE_APPLICATION, account_id, application_id)
    if not gone:
        raise NotFound("Record not found")
    for token_id in gone:
        await ctx.db.execute(NOTIFY, TOKENS, f"token:{token_id}")


async def sign_browser_out(ctx: Context, account_id: int, session_id: int) -> None:
    """End a session on the web. Raises NotFound."""
    if not await ctx.db.execute(DELETE_BROWSER, session_id, account_id):
        raise NotFound("Record not found")


async def ask_for_deletion(ctx: Context, user: UserRow) -> None:
    """Begin the time after which the account is deleted for good; sign out everywhere.

    Raises Invalid for the owner, without whom nobody could run the house.
    """
    if user.role == "owner":
        raise Invalid("Validation failed: The owner cannot leave; make somebody else the owner")
    async with ctx.db.transaction() as tx:
        await tx.execute(ASK_FOR_DELETION, user.account_id, ctx.clock.now())
        await sign_out_everywhere(tx, user.account_id)
        what = f"it will be deleted in {GRACE.days} days; signing in before then keeps it"
        await mail_changed(ctx, tx, user.email, user.username, what)


async def keep_account(ctx: Context, account_id: int) -> bool:
    """Take the wish to be deleted back, because the person signs in. False: there was none."""
    return bool(await ctx.db.execute(CANCEL_DELETION, account_id))
