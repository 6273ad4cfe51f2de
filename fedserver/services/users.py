"""People of this instance: making them, their passwords and roles, the first of them."""

import secrets
from datetime import datetime
from typing import Final

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.events import NOTIFY, TOKENS
from fedserver.secrets import new_token, token_hash
from fedserver.services import passwords
from fedserver.services.new_accounts import NewUser, make_keys, store_user
from fedserver.services.sign_up_checks import (
    Faults,
    check_email,
    check_free,
    check_new_password,
    check_username,
    taken,
)
from storage.database import Conflict, Transaction
from storage.oauth import (
    DELETE_CODES_OF_ACCOUNT,
    DELETE_SESSIONS_OF_ACCOUNT,
    DELETE_TOKENS_OF_ACCOUNT,
)
from storage.second_factors import DELETE_RECOVERY_CODES, DISABLE_TOTP
from storage.users import (
    DELETE_UNUSED_INVITATIONS,
    INSERT_INVITATION,
    INVITATION_ROLE,
    LOGIN_BY_EMAIL,
    LOGIN_BY_NAME,
    OWNER_EXISTS,
    REPLACE_HASH,
    SET_PASSWORD,
    SET_ROLE,
    TAKE_INVITATION,
    USER_BY_NAME,
    USERS,
    UserRow,
)

ROLES: Final = ("user", "moderator", "admin", "owner")
_RANDOM_PASSWORD_BYTES: Final = 15
_NOT_INVITED: Final = "This invitation is not valid any more"


async def create_user(
    ctx: Context,
    username: str,
    email: str,
    password: str,
    role: str = "user",
    confirmed: bool = True,
) -> int:
    """Make an account with its identity, keys and login, all or nothing; give the account's id.

    The user name is kept in lower case. Raises Invalid with `details` as Mastodon gives them
    (Mastodon API: accounts#create, ValidationError).
    """
    _check_role(role)
    username, email = clean_names(username, email)
    hashed = await checked_hash(ctx, username, email, password, staff=role != "user")
    keys = await make_keys(ctx)
    new = NewUser(username, email, hashed, role, ctx.clock.now() if confirmed else None)
    try:
        async with ctx.db.transaction() as tx:
            return await store_user(ctx, tx, new, keys)
    except Conflict as conflict:
        raise taken(conflict) from conflict


async def sign_up(ctx: Context, invitation: str, username: str, email: str, password: str) -> int:
    """Make the user whom `invitation` was meant for, and use the invitation up.

    Raises NotFound for an invitation that is not valid (any more), else as `create_user`.
    """
    await invited_role(ctx, invitation)
    username, email = clean_names(username, email)
    hashed = await checked_hash(ctx, username, email, password, staff=True)
    keys, now = await make_keys(ctx), ctx.clock.now()
    try:
        async with ctx.db.transaction() as tx:
            role = await take_invitation(ctx, tx, invitation)
            return await store_user(ctx, tx, NewUser(username, email, hashed, role, now), keys)
    except Conflict as conflict:
        raise taken(conflict) from conflict


async def invited_role(ctx: Context, invitation: str) -> str:
    """Give the role that `invitation` is for. Raises NotFound where it is not valid (any more)."""
    role = await ctx.db.value(INVITATION_ROLE, token_hash(invitation), ctx.clock.now())
    if role is None:
        raise NotFound(_NOT_INVITED)
    return role


async def take_invitation(ctx: Context, tx: Transaction, invitation: str) -> str:
    """Use `invitation` up and give its role. Raises NotFound where it is not valid (any more)."""
    role = await tx.value(TAKE_INVITATION, token_hash(invitation), ctx.clock.now())
    if role is None:
        raise NotFound(_NOT_INVITED)
    return role


async def invite(ctx: Context, role: str, expires_at: datetime | None) -> str:
    """Give a new invitation for one person. Raises Invalid."""
    _check_role(role)
    token = new_token()
    await ctx.db.execute(INSERT_INVITATION, token_hash(token), role, ctx.clock.now(), expires_at)
    return token


async def first_admin_invitation(ctx: Context) -> str | None:
    """Give a new one-time invitation for the owner, in place of all earlier ones.

    None where there is an owner already.
    """
    if await ctx.db.value(OWNER_EXISTS):
        return None
    token = new_token()
    async with ctx.db.transaction() as tx:
        await tx.execute(DELETE_UNUSED_INVITATIONS, "owner")
        await tx.execute(INSERT_INVITATION, token_hash(token), "owner", ctx.clock.now(), None)
    return token


async def authenticate(ctx: Context, email_or_username: str, password: str) -> int | None:
    """Give the account that may sign in with these, or None, which does not tell why not."""
    login = email_or_username.strip().removeprefix("@")
    row = await ctx.db.one(LOGIN_BY_EMAIL if "@" in login else LOGIN_BY_NAME, login)
    if not await passwords.verify_password(row.password_hash if row else None, password):
        return None
    if row is None or not row.allowed:
        return None
    if passwords.needs_rehash(row.password_hash):
        stronger = await passwords.hash_password(password)
        await ctx.db.execute(REPLACE_HASH, row.account_id, row.password_hash, stronger)
    return row.account_id


async def reset_password(
    ctx: Context, username: str, new_password: str | None, *, codes_off: bool = False
) -> str:
    """Set a password (a random one for None), give it, and end all that the old one opened.

    `codes_off`: signing in takes no one-time code any more either.
    Tokens, codes and sessions are gone afterwards, in all processes. Raises NotFound, Invalid.
    """
    user = await _user(ctx, username)
    password = new_password or secrets.token_urlsafe(_RANDOM_PASSWORD_BYTES)
    hashed = await passwords.hash_password(password)
    async with ctx.db.transaction() as tx:
        await tx.execute(SET_PASSWORD, user.account_id, hashed)
        if codes_off:
            await tx.execute(DISABLE_TOTP, user.account_id)
            await tx.execute(DELETE_RECOVERY_CODES, user.account_id)
        await sign_out_everywhere(tx, user.account_id)
    return password


async def sign_out_everywhere(tx: Transaction, account_id: int) -> None:
    """End all tokens, codes and sessions of a person, in all processes."""
    await tx.execute(DELETE_TOKENS_OF_ACCOUNT, account_id)
    await tx.execute(DELETE_CODES_OF_ACCOUNT, account_id)
    await tx.execute(DELETE_SESSIONS_OF_ACCOUNT, account_id)
    await tx.execute(NOTIFY, TOKENS, f"account:{account_id}")


async def list_users(ctx: Context) -> list[UserRow]:
    """Give all users, the oldest first."""
    return await ctx.db.fetch(USERS)


async def promote(ctx: Context, username: str, role: str) -> None:
    """Give `username` the role `role`. Raises NotFound, Invalid."""
    _check_role(role)
    user = await _user(ctx, username)
    await ctx.db.execute(SET_ROLE, user.account_id, role)


async def _user(ctx: Context, username: str) -> UserRow:
    user = await ctx.db.one(USER_BY_NAME, username.strip().removeprefix("@"))
    if user is None:
        raise NotFound(f"There is no user {username} here")
    return user


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(f"There is no role {role}; the roles are {', '.join(ROLES)}")


def clean_names(username: str, email: str) -> tuple[str, str]:
    """Give a user name and an address as they are kept."""
    return username.strip().removeprefix("@").lower(), email.strip()


async def checked_hash(
    ctx: Context, username: str, email: str, password: str, *, staff: bool
) -> str:
    """Check what somebody signs up with, and give the password's hash. Raises Invalid."""
    faults = Faults()
    check_username(faults, username, staff=staff)
    check_email(faults, email)
    check_new_password(faults, password)
    await check_free(ctx, faults, username, email)
    faults.raise_if_any()
    return await passwords.hash_password(password)
