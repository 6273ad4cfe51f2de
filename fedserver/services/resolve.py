"""URI → account. Fetches an actor that is not known yet and keeps what may be kept of it.

An id is believed only from its own origin (FEP-fe34), a handle only when WebFinger at the handle's
domain leads to the actor, or when the domain is the host of the id itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from activitypub.addressing import PUBLIC
from activitypub.errors import ProtocolError
from activitypub.model import Actor, ActorKey, Emoji, Permission
from activitypub.origins import host_of, same_origin
from activitypub.parse import parse_actor
from activitypub.webfinger import Handle, parse_handle
from fedserver.context import Context
from fedserver.errors import FedserverError, NotFound, Refused
from fedserver.services import discover, fetch, newcomers, recovery_pins
from fedserver.services.fetch import Budget
from fedserver.services.text_in import (
    clean_field_value,
    clean_html,
    clean_plain,
)
from storage.accounts import (
    ACCOUNT_BY_URI,
    ACCOUNTS_BY_URIS,
    DELETE_OTHER_KEYS,
    INSERT_ACCOUNT,
    INSERT_IDENTITY,
    LOCAL_ACCOUNT_BY_NAME,
    PUT_KEY,
    REMOTE_ACCOUNT_BY_HANDLE,
    SET_REMOTE_PROFILE_SETTINGS,
    UPDATE_IDENTITY,
    UPDATE_REMOTE_ACCOUNT,
    AccountRow,
)
from storage.database import Conflict, Transaction
from storage.feature_rights import NOBODY_MAY
from storage.moves import SIGNPOST
from storage.peer_tags import SET_FEATURED_TAGS_URL
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS, UNNAMED

Json = dict[str, object]

STALE_AFTER = timedelta(days=1)
_MAX_FIELDS = 50
_MAX_KEYS = 10
_MAX_DESCRIPTION_CHARS = 10_000  # Mastodon: MAX_DESCRIPTION_HARD_LENGTH_LIMIT
_MAX_NOTE_CHARS = 20_480  # Mastodon: Account::NOTE_LENGTH_HARD_LIMIT


async def account(ctx: Context, uri: str, budget: Budget) -> AccountRow:
    """Give the account that `uri` names, fetched if it is not known.

    Raises Refused or an Unreachable/Gone/Denied where it cannot be had, ProtocolError where the
    document is not to be believed.
    """
    known = await ctx.db.one(ACCOUNT_BY_URI, uri)
    if known is not None:
        return known
    if same_origin(uri, ctx.config.base_url):
        raise NotFound("Record not found")
    return await fetch_account(ctx, uri, budget)


async def known_accounts(ctx: Context, uris: Sequence[str]) -> dict[str, AccountRow]:
    """Give those of `uris` that are known already, by their live URI and the one they were named
    by, in one query."""
    rows = await ctx.db.fetch(ACCOUNTS_BY_URIS, list(uris))
    known = {row.uri: row for row in rows}
    for uri in uris if ctx.domains.has_moved else ():
        now = ctx.domains.today(uri, ctx.config.base_url)
        if now != uri and now in known:
            known[uri] = known[now] if now in uris else known.pop(now)
    return known


async def fetch_account(ctx: Context, uri: str, budget: Budget) -> AccountRow:
    """Read the actor anew from its origin and store it."""
    return await store_actor(ctx, parse_actor(await fetch.document(ctx, uri, budget)), budget)


async def store_actor(ctx: Context, actor: Actor, budget: Budget) -> AccountRow:
    """Keep an actor document that came from its own origin, and give its account."""
    _require_usable(ctx, actor)
    known = await ctx.db.one(ACCOUNT_BY_URI, actor.id)
    if known is not None and known.local:
        raise Refused("an actor of this instance cannot be written from outside")
    if known is None:
        await newcomers.admit(ctx, host_of(actor.id))
        return await _insert(ctx, actor, await _confirmed_domain(ctx, actor, budget))
    async with ctx.db.transaction() as tx:
        await _update(ctx, tx, known, actor)
    return await _reread(ctx, actor.id)


def _require_usable(ctx: Context, actor: Actor) -> None:
    if not actor.inbox or not _is_possible_name(actor):
        raise Refused("the actor has no usable name or no inbox")
    if same_origin(actor.inbox, ctx.config.base_url):
        raise Refused("the actor names an inbox of this instance as its own")


def _is_possible_name(actor: Actor) -> bool:
    """Whether the name can stand before the @ of a handle."""
    try:
        return parse_handle(f"{actor.preferred_username or ''}@{host_of(actor.id)}") is not None
    except ProtocolError:
        return False


async def refresh_in(
    ctx: Context, tx: Transaction, known: AccountRow, actor: Actor, *, by_person: bool = False
) -> None:
    """Take over what a signed Update says of its own actor; `by_person`: signed with the recovery
    key. Raises Refused if it is unusable."""
    _require_usable(ctx, actor)
    await _update(ctx, tx, known, actor, by_person=by_person)


async def refreshed(ctx: Context, row: AccountRow, budget: Budget) -> AccountRow:
    """Give `row`, read anew if that is due; an unreachable peer leaves what we have."""
    due = row.fetched_at is not None and ctx.clock.now() - row.fetched_at > STALE_AFTER
    if row.local or not due:
        return row
    try:
        return await fetch_account(ctx, row.uri, budget)
    except (FedserverError, ProtocolError):
        return row


async def account_by_handle(ctx: Context, handle: Handle, budget: Budget) -> AccountRow | None:
    """Give the account that `name@domain` names, asking WebFinger where it is not known, and
    its server again where what we know is a day old."""
    if handle.domain in (None, "") or is_our_domain(ctx, handle.domain):
        return await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, handle.username)
    known = await ctx.db.one(REMOTE_ACCOUNT_BY_HANDLE, handle.username, handle.domain)
    if known is not None:
        return await refreshed(ctx, known, budget)
    uri = await discover.find_actor_uri(ctx, handle, budget)
    return await account(ctx, uri, budget)


def is_our_domain(ctx: Context, domain: str) -> bool:
    """Whether handles at `domain` are our people's, today or before."""
    return domain == ctx.config.instance.domain or ctx.domains.is_former(domain)


async def known_by_handle(ctx: Context, username: str, domain: str | None) -> AccountRow | None:
    """Give the account of a handle if it is known, without asking anybody."""
    if domain is None or is_our_domain(ctx, domain):
        return await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, username)
    return await ctx.db.one(REMOTE_ACCOUNT_BY_HANDLE, username, domain)


async def _confirmed_domain(ctx: Context, actor: Actor, budget: Budget) -> str:
    """Give the domain of the handle: one that WebFinger confirms, else the host of the id."""
    host = host_of(actor.id)
    if (named := await _named_by_itself(ctx, actor, budget)) is not None:
        return named
    try:
        handle = await discover.confirmed_handle(
            ctx, Handle(actor.preferred_username or "", host), actor.id, budget
        )
    except (FedserverError, ProtocolError):
        return host
    return handle.domain


async def _named_by_itself(ctx: Context, actor: Actor, budget: Budget) -> str | None:
    """Give the domain of the address that an actor on another host says it has (FEP-2c59), where
    that domain says the same; None for everything else."""
    try:
        handle = parse_handle(actor.webfinger or "")
        if handle.domain == host_of(actor.id):
            return None
        if handle.username.lower() != (actor.preferred_username or "").lower():
            return None
        found = await discover.find_actor_uri(ctx, handle, budget)
    except (FedserverError, ProtocolError):
        return None
    return handle.domain if found == actor.id else None


async def _insert(ctx: Context, actor: Actor, domain: str) -> AccountRow:
    facts = _facts(ctx, actor)
    created_at = min(actor.published or facts.now, facts.now)
    account_id = ctx.ids.new()
    try:
        async with ctx.db.transaction() as tx:
            await tx.execute(
                INSERT_ACCOUNT,
                account_id,
                actor.id,
                actor.preferred_username,
                domain,
                *_profile(actor, facts),
                facts.now if actor.suspended else None,
                created_at,
                facts.now,
            )
            await tx.execute(
                INSERT_IDENTITY,
                actor.id,
                account_id,
                actor.preferred_username,
                domain,
                actor.inbox,
                facts.shared_inbox,
                created_at,
            )
            await tx.execute(SET_REMOTE_PROFILE_SETTINGS, account_id, *_settings(actor))
            await tx.execute(SET_FEATURED_TAGS_URL, account_id, _own(actor, actor.featured_tags))
            await _put_keys(tx, account_id, actor, facts.now)
            await recovery_pins.note(tx, account_id, actor, [], facts.now)
            if actor.moved_to is not None:
                await tx.execute(SIGNPOST, account_id, actor.moved_to, actor.id)
    except Conflict:
        pass  # another task stored the same actor first
    return await _reread(ctx, actor.id)


async def _reread(ctx: Context, uri: str) -> AccountRow:
    row = await ctx.db.one(ACCOUNT_BY_URI, uri)
    if row is None:
        raise Refused("the actor vanished while it was stored")
    return row


async def _update(
    ctx: Context, tx: Transaction, known: AccountRow, actor: Actor, *, by_person: bool = False
) -> None:
    facts = _facts(ctx, actor)
    pins = await recovery_pins.pins_in(tx, known.id)
    if not by_person and any(one.spoke_at is not None for one in pins):
        return  # its server has nothing to say any more
    await tx.execute(
        UPDATE_REMOTE_ACCOUNT,
        known.id,
        *_profile(actor, facts),
        facts.now,
    )
    await tx.execute(SET_REMOTE_PROFILE_SETTINGS, known.id, *_settings(actor))
    await tx.execute(SET_FEATURED_TAGS_URL, known.id, _own(actor, actor.featured_tags))
    await tx.execute(UPDATE_IDENTITY, actor.id, actor.inbox, facts.shared_inbox)
    if actor.moved_to is not None or known.moved_to_id is not None:
        await tx.execute(SIGNPOST, known.id, actor.moved_to, actor.id)
    await _put_keys(tx, known.id, actor, facts.now)
    await recovery_pins.note(tx, known.id, actor, pins, facts.now)


async def _put_keys(tx: Transaction, account_id: int, actor: Actor, now: datetime) -> None:
    keys = [key for key in actor.keys if _believed(key, actor)]
    for key in keys[:_MAX_KEYS]:
        await tx.execute(
            PUT_KEY,
            key.id,
            account_id,
            actor.id,
            "rsa" if key.public_key_pem else "ed25519",
            key.public_key_pem or key.multikey,
            None,
            now,
            now,
            key.expires,
        )
    await tx.execute(DELETE_OTHER_KEYS, account_id, [key.id for key in keys])


def _believed(key: ActorKey, actor: Actor) -> bool:
    """A key counts only when its owner is the actor and its id is of the actor's origin."""
    return key.owner == actor.id and same_origin(key.id, actor.id)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What we make of an actor document before we keep it: cleaned and bounded."""

    now: datetime
    url: str
    shared_inbox: str | None
    display_name: str
    note: str
    fields: list[Json]
    emojis: list[Json]


def _facts(ctx: Context, actor: Actor) -> _Facts:
    # A foreign shared inbox would let an actor redirect what is meant for others of its host.
    shared = actor.shared_inbox
    trusted_shared = shared if shared and same_origin(shared, actor.id) else None
    return _Facts(
        now=ctx.clock.now(),
        # A page of another origin would let an actor borrow somebody's name.
        url=actor.url if actor.url and same_origin(actor.url, actor.id) else actor.id,
        shared_inbox=trusted_shared,
        display_name=clean_plain(actor.name or "", 500),
        note=clean_html((actor.summary or "")[:_MAX_NOTE_CHARS]),
        fields=[
            {
                "name": clean_plain(field.name, 255),
                "value": clean_field_value(field.value),
                "verified_at": None,
            }
            for field in actor.fields[:_MAX_FIELDS]
        ],
        emojis=emoji_entries(actor.emojis),
    )


def _settings(actor: Actor) -> tuple[object, ...]:
    """What else an actor document says of its profile (Mastodon's toot:, FEP-7aa9)."""
    policy = actor.interaction_policy
    return (
        clean_plain(actor.icon_description or "", _MAX_DESCRIPTION_CHARS),
        clean_plain(actor.image_description or "", _MAX_DESCRIPTION_CHARS),
        actor.show_media,
        actor.show_replies_in_media,
        actor.show_featured,
        list(actor.attribution_domains),
        _feature_bits(policy.can_feature if policy else None, actor),
        _own(actor, actor.featured_collections),
    )


def _feature_bits(permission: Permission | None, actor: Actor) -> int:
    """Who may put the actor in a collection; 0 where it does not say."""
    if permission is None:
        return 0
    known = {
        PUBLIC: EVERYBODY,
        actor.followers: FOLLOWERS,
        actor.following: FOLLOWED,
        actor.id: 0,
    }

    def bits(permitted: Sequence[str]) -> int:
        return reduce(or_, (known.get(one, UNNAMED) for one in permitted), 0)

    return bits(permission.automatic) << AT_ONCE | bits(permission.manual) or NOBODY_MAY


def _own(actor: Actor, collection: str | None) -> str | None:
    """A collection of another origin could be somebody else's, such as our followers."""
    return collection if collection and same_origin(collection, actor.id) else None


def emoji_entries(emojis: Sequence[Emoji]) -> list[Json]:
    """Give what the API shows of a peer's custom emoji."""
    return [
        {"shortcode": one.shortcode, "url": one.url, "static_url": one.url}
        for one in emojis
        if one.url
    ]


def _profile(actor: Actor, facts: _Facts) -> tuple[object, ...]:
    """What an actor document may say anew, in the order of the columns from `url` on."""
    return (
        facts.url,
        actor.inbox,
        facts.shared_inbox,
        *(_own(actor, uri) for uri in (actor.outbox, actor.followers, actor.following)),
        _own(actor, actor.featured),
        actor.type,
        facts.display_name,
        facts.note,
        facts.fields,
        facts.emojis,
        actor.icon_url,
        actor.image_url,
        actor.manually_approves_followers,
        actor.discoverable,
        bool(actor.indexable),
        bool(actor.memorial),
        list(actor.also_known_as),
    )
