"""New actors of this instance, with their identity and keys: people's, and the instance's own."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yarl import URL

from activitypub.keys import (
    PrivateKey,
    generate_ed25519_key,
    private_key_to_pem,
    public_key_to_pem,
)
from fedserver.context import Context
from fedserver.errors import StartError
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
from storage.users import INSERT_USER

log = logging.getLogger(__name__)

KEY_PURPOSE: Final = "actor key"


@dataclass(frozen=True, slots=True)
class ActorKeys:
    """The keys of a new actor."""

    rsa: PrivateKey
    ed25519: PrivateKey


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person whose name, address and password were checked. Not `confirmed_at`: not yet."""

    username: str
    email: str
    password_hash: str
    role: str
    confirmed_at: datetime | None


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


async def make_keys(ctx: Context) -> ActorKeys:
    """Give the keys of a new actor; they take a while, so make them before a transaction."""
    return ActorKeys(await ctx.key_pool.take(), generate_ed25519_key())


async def ensure_instance_actor(ctx: Context) -> AccountRow:
    """Give the actor that speaks for the instance; make it the first time.

    Processes that start at once agree on one: a unique key lets only one of them make it.
    """
    uri = Uris(ctx.config.base_url).instance_actor
    known = await ctx.db.one(ACCOUNT_BY_URI, uri)
    if known is not None:
        return known
    keys = await make_keys(ctx)
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


async def store_user(ctx: Context, tx: Transaction, new: NewUser, keys: ActorKeys) -> int:
    """Store a person's account, identity, keys and login; give the account's id. Raises Conflict
    where somebody has the name or the address."""
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
        keys,
    )
    await tx.execute(
        INSERT_USER,
        account_id,
        new.email,
        new.password_hash,
        new.role,
        new.confirmed_at,
        now,
        now,
    )
    await tell_of_sign_up(ctx, tx, account_id)
    return account_id


async def _store_instance_actor(ctx: Context, tx: Transaction, uri: str, keys: ActorKeys) -> None:
    base = ctx.config.base_url
    actor = _NewActor(uri, URL(base).host or "instance", f"{base}/", "Application")
    await _store_actor(ctx, tx, actor, keys)


async def _store_actor(ctx: Context, tx: Transaction, actor: _NewActor, keys: ActorKeys) -> int:
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
