"""Signing up: an application, a confirmed address, an admin's word where the house wants it.

Until all are there nobody has an account: no page, client or peer finds the name.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.secrets import new_token, token_hash
from fedserver.services import passwords
from fedserver.services.mails import mail_confirmation, mail_rejection, mail_welcome
from fedserver.services.new_accounts import ActorKeys, NewUser, make_keys, store_user
from fedserver.services.sign_up_checks import (
    Faults,
    check_email,
    check_email_free,
    check_free,
    check_new_password,
    check_username,
    taken,
)
from fedserver.services.users import clean_names, take_invitation
from storage.database import Conflict, Transaction
from storage.sign_ups import (
    APPROVE_SIGN_UP,
    CONFIRM_SIGN_UP,
    DELETE_LINKS_OF_SIGN_UP,
    DELETE_SIGN_UP,
    GIVE_TOKENS_TO_ACCOUNT,
    INSERT_MAIL_LINK,
    INSERT_SIGN_UP,
    MAIL_LINK,
    READY_SIGN_UP,
    SET_LOCALE,
    SET_SIGN_UP_EMAIL,
    SIGN_UP,
    SIGN_UP_BY_EMAIL,
    SIGN_UP_BY_NAME,
    SIGN_UPS,
    TAKE_MAIL_LINK,
    SignUpRow,
)

LINK_LIFETIME: Final = timedelta(days=2)
# Who does not confirm in this time loses the name again.
KEPT_FOR: Final = timedelta(days=7)
_MAX_REASON_CHARS: Final = 2_000
_CONFIRMS: Final = ["confirm"]
_NOT_VALID: Final = "This link is not valid any more. Ask for a new mail, or sign up again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody fills in (Mastodon API: accounts#create)."""

    username: str
    email: str
    password: str
    agreement: bool
    locale: str = "en"
    reason: str = ""
    invitation: str | None = None
    date_of_birth: date | None = None
    application_id: int | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What has come of a confirmed address: an account, or None while an admin is asked."""

    username: str
    account_id: int | None


async def apply(ctx: Context, wish: Wish) -> int:
    """Store a sign-up and send the mail that confirms its address; give the sign-up's id.

    Raises Forbidden where nobody may sign up, NotFound for an invitation that is not valid (any
    more), Invalid with `details` as Mastodon gives them.
    """
    if wish.invitation is None and ctx.config.registrations.mode == "closed":
        raise Forbidden(ctx.config.registrations.message or "This action is not allowed")
    username, email = clean_names(wish.username, wish.email)
    await _check(ctx, wish, username, email)
    hashed = await passwords.hash_password(wish.password)
    try:
        async with ctx.db.transaction() as tx:
            return await _store(ctx, tx, wish, (username, email, hashed))
    except Conflict as conflict:
        raise taken(conflict) from conflict


async def _check(ctx: Context, wish: Wish, username: str, email: str) -> None:
    faults = Faults()
    check_username(faults, username, staff=False)
    check_email(faults, email)
    check_new_password(faults, wish.password)
    if not wish.agreement:
        faults.add("agreement", "ERR_ACCEPTED", "must be accepted")
    _check_reason(ctx, faults, wish)
    _check_age(ctx, faults, wish.date_of_birth)
    await check_free(ctx, faults, username, email)
    faults.raise_if_any()


def _check_reason(ctx: Context, faults: Faults, wish: Wish) -> None:
    rules = ctx.config.registrations
    asked = rules.mode == "approval" and rules.reason_required and wish.invitation is None
    if asked and not wish.reason.strip():
        faults.add("reason", "ERR_BLANK", "can't be blank")
    if len(wish.reason) > _MAX_REASON_CHARS:
        faults.add("reason", "ERR_TOO_LONG", f"is longer than {_MAX_REASON_CHARS} characters")


def _check_age(ctx: Context, faults: Faults, born: date | None) -> None:
    min_age = ctx.config.registrations.min_age
    if not min_age:
        return
    if born is None:
        faults.add("date_of_birth", "ERR_BLANK", "can't be blank")
    elif age(born, ctx.clock.now().date()) < min_age:
        faults.add("date_of_birth", "ERR_BELOW_LIMIT", "is below the age limit")


def age(born: date, today: date) -> int:
    """Give the age in full years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


async def _store(ctx: Context, tx: Transaction, wish: Wish, checked: tuple[str, str, str]) -> int:
    username, email, hashed = checked
    role, needs_approval = "user", ctx.config.registrations.mode == "approval"
    if wish.invitation is not None:
        role, needs_approval = await take_invitation(ctx, tx, wish.invitation), False
    sign_up_id = ctx.ids.new()
    await tx.execute(
        INSERT_SIGN_UP,
        sign_up_id,
        username,
        email,
        hashed,
        role,
        wish.locale,
        wish.reason.strip(),
        wish.application_id,
        needs_approval,
        ctx.clock.now(),
    )
    await _send_link(ctx, tx, sign_up_id, username, email)
    return sign_up_id


async def _send_link(
    ctx: Context, tx: Transaction, sign_up_id: int, username: str, email: str
) -> None:
    token = new_token()
    expires_at = ctx.clock.now() + LINK_LIFETIME
    await tx.execute(
        INSERT_MAIL_LINK, token_hash(token), "confirm", None, sign_up_id, email, expires_at
    )
    link = f"{ctx.config.base_url}/auth/confirmation?confirmation_token={token}"
    await mail_confirmation(ctx, tx, email, username, link)


async def send_again(ctx: Context, sign_up_id: int, email: str | None) -> None:
    """Send the mail once more, to another address if one is given. Raises Invalid, NotFound.

    Mastodon API: emails#confirmation.
    """
    sign_up = await ctx.db.one(SIGN_UP, sign_up_id)
    if sign_up is None or sign_up.confirmed_at is not None:
        raise NotFound("Record not found")
    address = (email or sign_up.email).strip()
    if address.lower() != sign_up.email.lower():
        await _check_address(ctx, address)
    try:
        async with ctx.db.transaction() as tx:
            await tx.execute(SET_SIGN_UP_EMAIL, sign_up_id, address)
            await tx.execute(DELETE_LINKS_OF_SIGN_UP, sign_up_id)
            await _send_link(ctx, tx, sign_up_id, sign_up.username, address)
    except Conflict as conflict:
        raise taken(conflict) from conflict


async def send_again_to(ctx: Context, email: str) -> None:
    """Send the mail once more to who waits for it; nobody is told whether somebody does."""
    sign_up = await ctx.db.one(SIGN_UP_BY_EMAIL, email.strip())
    if sign_up is not None and sign_up.confirmed_at is None:
        await send_again(ctx, sign_up.id, None)


async def _check_address(ctx: Context, email: str) -> None:
    faults = Faults()
    check_email(faults, email)
    await check_email_free(ctx, faults, email)
    faults.raise_if_any()


async def is_confirmed(ctx: Context, sign_up_id: int) -> bool:
    """Say whether the address of a sign-up is confirmed (an admin may still be asked)."""
    sign_up = await ctx.db.one(SIGN_UP, sign_up_id)
    return sign_up is not None and sign_up.confirmed_at is not None


async def check_link(ctx: Context, token: str) -> None:
    """Raise NotFound unless the link of a mail can confirm an address now."""
    if await ctx.db.one(MAIL_LINK, token_hash(token), _CONFIRMS, ctx.clock.now()) is None:
        raise NotFound(_NOT_VALID)


async def confirm(ctx: Context, token: str) -> Confirmed:
    """Confirm the address that the link was sent to, and make the account if nothing is missing.

    Raises NotFound for a link that is not valid (any more).
    """
    keys, now = await make_keys(ctx), ctx.clock.now()
    async with ctx.db.transaction() as tx:
        link = await tx.one(TAKE_MAIL_LINK, token_hash(token), _CONFIRMS, now)
        if link is None or link.sign_up_id is None:
            raise NotFound(_NOT_VALID)
        await tx.execute(CONFIRM_SIGN_UP, link.sign_up_id, now)
        sign_up = await tx.one(SIGN_UP, link.sign_up_id)
        if sign_up is None:
            raise NotFound(_NOT_VALID)
        return Confirmed(sign_up.username, await _complete(ctx, tx, sign_up.id, keys))


async def approve(ctx: Context, username: str) -> Confirmed:
    """Let somebody in who applied; the account is made once the address is confirmed too.

    Raises NotFound.
    """
    sign_up, keys = await _by_name(ctx, username), await make_keys(ctx)
    async with ctx.db.transaction() as tx:
        await tx.execute(APPROVE_SIGN_UP, sign_up.id, ctx.clock.now())
        return Confirmed(sign_up.username, await _complete(ctx, tx, sign_up.id, keys))


async def reject(ctx: Context, username: str) -> None:
    """Delete a sign-up, and tell the person if the address is theirs. Raises NotFound."""
    sign_up = await _by_name(ctx, username)
    async with ctx.db.transaction() as tx:
        await tx.execute(DELETE_SIGN_UP, sign_up.id)
        if sign_up.confirmed_at is not None:
            await mail_rejection(ctx, tx, sign_up.email, sign_up.username)


async def list_sign_ups(ctx: Context) -> list[SignUpRow]:
    """Give all who wait for something, the oldest first."""
    return await ctx.db.fetch(SIGN_UPS)


async def _by_name(ctx: Context, username: str) -> SignUpRow:
    sign_up = await ctx.db.one(SIGN_UP_BY_NAME, username.strip().removeprefix("@"))
    if sign_up is None:
        raise NotFound(f"Nobody with the name {username} waits for an account")
    return sign_up


async def _complete(ctx: Context, tx: Transaction, sign_up_id: int, keys: ActorKeys) -> int | None:
    """Make the account if nothing is missing any more; what belongs to the sign-up becomes its."""
    ready = await tx.one(READY_SIGN_UP, sign_up_id)
    if ready is None:
        return None
    new = NewUser(ready.username, ready.email, ready.password_hash, ready.role, ready.confirmed_at)
    try:
        account_id = await store_user(ctx, tx, new, keys)
    except Conflict as conflict:  # an admin gave the name to somebody else meanwhile
        raise taken(conflict) from conflict
    await tx.execute(SET_LOCALE, account_id, ready.locale)
    await tx.execute(GIVE_TOKENS_TO_ACCOUNT, sign_up_id, account_id)
    await tx.execute(DELETE_SIGN_UP, sign_up_id)
    await mail_welcome(ctx, tx, ready.email, ready.username)
    return account_id


def read_date(text: str | None) -> date | None:
    """Read a date of birth, "2001-02-03". Raises Invalid."""
    if not text:
        return None
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError as error:
        raise Invalid("Validation failed: Date of birth must be written as 2001-02-03") from error
