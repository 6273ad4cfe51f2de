"""People of this instance: making them, their passwords and roles, the first of them.

The actor that speaks for the instance is made here too.
"""

import logging
import re
import secrets
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from yarl import URL

from activitypub.keys import (
    PrivateKey,
    generate_ed25519_key,
    private_key_to_pem,
    public_key_to_pem,
)
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound, StartError
from fedserver.events import NOTIFY, TOKENS
from fedserver.secrets import new_token, token_hash
from fedserver.services import passwords
from fedserver.services.staff import tell_of_sign_up
from fedserver.uris import Uris, ed25519_key, main_key
from storage.accounts import (
    ACCOUNT_BY_URI,
    INSERT_ACCOUNT,
    INSERT_IDENTITY,
    PUT_KEY,
    AccountRow,
)
from storage.database import Conflict, Transaction
from storage.oauth import (
    DELETE_CODES_OF_ACCOUNT,
    DELETE_SESSIONS_OF_ACCOUNT,
    DELETE_TOKENS_OF_ACCOUNT,
)
from storage.users import (
    DELETE_UNUSED_INVITATIONS,
    EMAIL_TAKEN,
    INSERT_INVITATION,
    INSERT_USER,
    INVITATION_ROLE,
    LOGIN_BY_EMAIL,
    LOGIN_BY_NAME,
    OWNER_EXISTS,
    REPLACE_HASH,
    SET_PASSWORD,
    SET_ROLE,
    TAKE_INVITATION,
    USER_BY_NAME,
    USERNAME_TAKEN,
    USERS,
    UserRow,
)

log = logging.getLogger(__name__)

ROLES: Final = ("user", "moderator", "admin", "owner")
KEY_PURPOSE: Final = "actor key"

_MAX_USERNAME_CHARS: Final = 30
_USERNAME: Final = re.compile(r"[a-z0-9_]+")
# Names that strangers would take for the people who run this place; those may have them.
_RESERVED: Final = frozenset(
    {
        *("abuse", "hostmaster", "noreply", "postmaster", "root", "webmaster"),
        *("admin", "administrator", "mod", "moderator", "owner", "security", "staff", "system"),
        *("fedserver", "help", "info", "instance", "mastodon", "support"),
    }
)
# Less than RFC 5321 allows, on purpose: characters that mail servers read in different ways
# (routing by % and !, comments, quotes) have let addresses slip past rules on their domain.
_EMAIL: Final = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9_+='~-]+(?:\.[A-Za-z0-9_+='~-]+)*"
    r"@(?:localhost|(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)",
    re.ASCII,
)
_RANDOM_PASSWORD_BYTES: Final = 15
_FIELD_NAMES: Final = {"username": "Username", "email": "E-mail", "password": "Password"}
_TAKEN: Final = "has already been taken"
_NOT_INVITED: Final = "This invitation is not valid any more"


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of a new actor."""

    rsa: PrivateKey
    ed25519: PrivateKey


@dataclass(frozen=True, slots=True)
class _NewUser:
    """A sign-up that was checked."""

    username: str
    email: str
    password_hash: str
    keys: _Keys


@dataclass(frozen=True, slots=True)
class _NewActor:
    """An actor of this instance that is not stored yet."""

    uri: str
    username: str
    url: str
    actor_type: str
    outbox_url: str | None = None
    followers_url: str | None = None
    following_url: str | None = None
    featured_url: str | None = None


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
    new = await _prepare(ctx, username, email, password, staff=role != "user")
    try:
        async with ctx.db.transaction() as tx:
            return await _store_user(ctx, tx, new, role, confirmed)
    except Conflict as conflict:
        raise _taken(conflict) from conflict


async def sign_up(ctx: Context, invitation: str, username: str, email: str, password: str) -> int:
    """Make the user whom `invitation` was meant for, and use the invitation up.

    Raises NotFound for an invitation that is not valid (any more), else as `create_user`.
    """
    await invited_role(ctx, invitation)
    new = await _prepare(ctx, username, email, password, staff=True)
    try:
        async with ctx.db.transaction() as tx:
            role = await tx.value(TAKE_INVITATION, token_hash(invitation), ctx.clock.now())
            if role is None:
                raise NotFound(_NOT_INVITED)
            return await _store_user(ctx, tx, new, role, confirmed=True)
    except Conflict as conflict:
        raise _taken(conflict) from conflict


async def invited_role(ctx: Context, invitation: str) -> str:
    """Give the role that `invitation` is for. Raises NotFound where it is not valid (any more)."""
    role = await ctx.db.value(INVITATION_ROLE, token_hash(invitation), ctx.clock.now())
    if role is None:
        raise NotFound(_NOT_INVITED)
    return role


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


async def reset_password(ctx: Context, username: str, new_password: str | None) -> str:
    """Set a password (a random one for None), give it, and end all that the old one opened.

    Tokens, codes and sessions are gone afterwards, in all processes. Raises NotFound, Invalid.
    """
    user = await _user(ctx, username)
    password = new_password or secrets.token_urlsafe(_RANDOM_PASSWORD_BYTES)
    hashed = await passwords.hash_password(password)
    async with ctx.db.transaction() as tx:
        await tx.execute(SET_PASSWORD, user.account_id, hashed)
        await _sign_out_everywhere(tx, user.account_id)
    return password


async def _sign_out_everywhere(tx: Transaction, account_id: int) -> None:
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


async def ensure_instance_actor(ctx: Context) -> AccountRow:
    """Give the actor that speaks for the instance; make it the first time.

    Processes that start at once agree on one: a unique key lets only one of them make it.
    """
    uri = Uris(ctx.config.base_url).instance_actor
    known = await ctx.db.one(ACCOUNT_BY_URI, uri)
    if known is not None:
        return known
    keys = await _make_keys(ctx)
    try:
        async with ctx.db.transaction() as tx:
            await _store_instance_actor(ctx, tx, uri, keys)
    except Conflict:
        log.info("another process has made the instance actor")
    made = await ctx.db.one(ACCOUNT_BY_URI, uri)
    if made is None:
        raise StartError(
            f"The instance actor {uri} cannot be made: an account already has its name. Was the"
            " domain in the configuration changed? It has to stay what it was"
        )
    return made


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(f"There is no role {role}; the roles are {', '.join(ROLES)}")


async def _prepare(
    ctx: Context, username: str, email: str, password: str, *, staff: bool
) -> _NewUser:
    """Check everything, and do what takes long before a transaction is open."""
    username, email = username.strip().removeprefix("@").lower(), email.strip()
    faults = _Faults()
    _check_username(faults, username, staff=staff)
    if _EMAIL.fullmatch(email) is None:
        faults.add("email", "ERR_INVALID", "is not a valid e-mail address")
    _check_password(faults, password)
    await _check_free(ctx, faults, username, email)
    faults.raise_if_any()
    return _NewUser(username, email, await passwords.hash_password(password), await _make_keys(ctx))


def _check_username(faults: "_Faults", username: str, *, staff: bool) -> None:
    if username == "":
        faults.add("username", "ERR_BLANK", "can't be blank")
    elif len(username) > _MAX_USERNAME_CHARS:
        faults.add("username", "ERR_TOO_LONG", f"is longer than {_MAX_USERNAME_CHARS} characters")
    elif _USERNAME.fullmatch(username) is None:
        faults.add("username", "ERR_INVALID", "must contain only letters, numbers and underscores")
    elif username in _RESERVED and not staff:
        faults.add("username", "ERR_RESERVED", "is reserved")


def _check_password(faults: "_Faults", password: str) -> None:
    try:
        passwords.check_password(password)
    except Invalid as error:
        code = "ERR_INVALID"
        if len(password) < passwords.MIN_CHARS:
            code = "ERR_TOO_SHORT" if password else "ERR_BLANK"
        elif len(password) > passwords.MAX_CHARS:
            code = "ERR_TOO_LONG"
        faults.add("password", code, str(error).removeprefix("Validation failed: Password "))


async def _check_free(ctx: Context, faults: "_Faults", username: str, email: str) -> None:
    if "username" not in faults.found and await ctx.db.value(USERNAME_TAKEN, username):
        faults.add("username", "ERR_TAKEN", _TAKEN)
    if "email" not in faults.found and await ctx.db.value(EMAIL_TAKEN, email):
        faults.add("email", "ERR_TAKEN", _TAKEN)


class _Faults:
    """What is wrong with a sign-up, by field (Mastodon API: ValidationError)."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, str]]] = defaultdict(list)

    def add(self, field: str, code: str, description: str) -> None:
        self.found[field].append({"error": code, "description": description})

    def raise_if_any(self) -> None:
        if self.found:
            raise self.as_invalid()

    def as_invalid(self) -> Invalid:
        texts = [
            f"{_FIELD_NAMES[field]} {one['description']}"
            for field, entries in self.found.items()
            for one in entries
        ]
        return Invalid(f"Validation failed: {', '.join(texts)}", dict(self.found))


def _taken(conflict: Conflict) -> Invalid:
    """Somebody was quicker between our look and our insert."""
    faults = _Faults()
    faults.add("email" if "users_email" in str(conflict) else "username", "ERR_TAKEN", _TAKEN)
    return faults.as_invalid()


async def _make_keys(ctx: Context) -> _Keys:
    return _Keys(await ctx.key_pool.take(), generate_ed25519_key())


async def _store_user(
    ctx: Context, tx: Transaction, new: _NewUser, role: str, confirmed: bool
) -> int:
    now, uris = ctx.clock.now(), Uris(ctx.config.base_url)
    actor = uris.actor(new.username)
    account_id = await _store_actor(
        ctx,
        tx,
        _NewActor(
            uri=actor,
            username=new.username,
            url=uris.profile(new.username),
            actor_type="Person",
            outbox_url=f"{actor}/outbox",
            followers_url=f"{actor}/followers",
            following_url=f"{actor}/following",
            featured_url=f"{actor}/collections/featured",
        ),
        new.keys,
    )
    await tx.execute(
        INSERT_USER,
        account_id,
        new.email,
        new.password_hash,
        role,
        now if confirmed else None,
        now,
        now,
    )
    if confirmed:
        await tell_of_sign_up(ctx, tx, account_id)
    return account_id


async def _store_instance_actor(ctx: Context, tx: Transaction, uri: str, keys: _Keys) -> None:
    base = ctx.config.base_url
    actor = _NewActor(uri, URL(base).host or "instance", f"{base}/", "Application")
    await _store_actor(ctx, tx, actor, keys)


async def _store_actor(ctx: Context, tx: Transaction, actor: _NewActor, keys: _Keys) -> int:
    account_id, now = ctx.ids.new(), ctx.clock.now()
    inbox = f"{actor.uri}/inbox"
    shared_inbox = Uris(ctx.config.base_url).shared_inbox
    await tx.execute(
        INSERT_ACCOUNT,
        account_id,
        actor.uri,
        actor.username,
        None,  # domain: it is one of ours
        actor.url,
        inbox,
        shared_inbox,
        actor.outbox_url,
        actor.followers_url,
        actor.following_url,
        actor.featured_url,
        actor.actor_type,
        "",  # display_name
        "",  # note
        [],  # fields
        [],  # emojis
        None,  # avatar_remote_url
        None,  # header_remote_url
        False,  # locked
        None,  # discoverable
        False,  # indexable
        False,  # memorial
        [],  # also_known_as
        None,  # suspended_at
        now,
        None,  # fetched_at
    )
    await tx.execute(
        INSERT_IDENTITY, actor.uri, account_id, actor.username, None, inbox, shared_inbox, now
    )
    await _store_key(ctx, tx, account_id, actor.uri, "rsa", keys.rsa)
    await _store_key(ctx, tx, account_id, actor.uri, "ed25519", keys.ed25519)
    return account_id


async def _store_key(
    ctx: Context, tx: Transaction, account_id: int, actor: str, kind: str, key: PrivateKey
) -> None:
    wrapped = ctx.secrets.wrap(private_key_to_pem(key).encode(), purpose=KEY_PURPOSE)
    await tx.execute(
        PUT_KEY,
        main_key(actor) if kind == "rsa" else ed25519_key(actor),
        account_id,
        actor,
        kind,
        public_key_to_pem(key.public_key()),
        wrapped,
        ctx.clock.now(),
        None,  # fetched_at
        None,  # expires_at
    )
