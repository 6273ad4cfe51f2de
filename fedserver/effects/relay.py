"""Relays (FEP-ae0c): subscribing, what they answer, what goes to them and what they bring."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from activitypub.addressing import PUBLIC, is_public
from activitypub.errors import ProtocolError
from activitypub.model import Activity, Object
from activitypub.origins import is_web_url, same_origin
from activitypub.parse import parse_any
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.bringing import store_object
from fedserver.effects.delete import DeleteStatus
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.performing import perform
from fedserver.errors import Gone, Invalid, NotFound, Refused
from fedserver.services import fetch, relaying, resolve
from fedserver.services.fetch import Budget
from fedserver.services.new_accounts import ensure_instance_actor
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, ACCOUNT_BY_URI, AccountRow
from storage.database import Transaction
from storage.relations import FOLLOWED_HERE
from storage.relays import (
    ANSWER_RELAY,
    DELETE_RELAY,
    INSERT_RELAY,
    RELAY_ASKED,
    RELAY_BY_ADDRESS,
    RELAYS,
    RelayRow,
)
from storage.statuses import STATUS_BY_URI, TOMBSTONE_BY_URI, StatusRow

AnswerState = Literal["accepted", "rejected"]

_FETCHES = 4


@dataclass(frozen=True, kw_only=True)
class _Subscription(Act):
    """What the instance actor says to a relay."""

    relay: RelayRow

    @property
    def follow(self) -> Activity:
        """The Follow: of everything in Mastodon's style, of the relay's actor in LitePub's."""
        of = self.relay.actor_uri if self.relay.style == "litepub" else PUBLIC
        to = (of,) if self.relay.style == "litepub" and of else ()
        return Activity(
            id=self.relay.follow_uri, type="Follow", actor=self.actor.uri, object=of, to=to
        )

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(inboxes=(self.relay.inbox_url,))


@dataclass(frozen=True, kw_only=True)
class Subscribe(_Subscription):
    """Ask a relay for what others post, and to take what we post."""

    type: ClassVar[str] = "Follow"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        relay = self.relay
        inserted = await tx.execute(
            INSERT_RELAY,
            relay.id,
            relay.inbox_url,
            relay.actor_uri,
            relay.audience_url,
            relay.style,
            relay.follow_uri,
            relay.created_at,
        )
        return bool(inserted)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return Outgoing(self.follow)


@dataclass(frozen=True, kw_only=True)
class Unsubscribe(_Subscription):
    """Leave a relay."""

    type: ClassVar[str] = "Undo"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_RELAY, self.relay.id))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        follow = self.follow
        return Outgoing(
            Activity(id=self.uri, type=self.type, actor=self.actor.uri, object=follow, to=follow.to)
        )


@dataclass(frozen=True, kw_only=True)
class RelayAnswer(Act):
    """A relay accepts or refuses us; only its own answer counts."""

    type: ClassVar[str] = "Accept"

    relay: RelayRow
    state: AnswerState

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        known = self.relay.actor_uri
        # A Mastodon-style relay is known by its inbox only, until its actor answers.
        theirs = (
            self.actor.uri == known if known else same_origin(self.actor.uri, self.relay.inbox_url)
        )
        if not theirs:
            raise Refused("it is not the relay that was asked")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        changed = await tx.execute(ANSWER_RELAY, self.relay.id, self.state, self.actor.uri)
        return bool(changed)


async def read_relay_answer(incoming: Incoming, state: AnswerState) -> Act | None:
    """Make the act of a relay's answer to our subscription; None for an answer to anything else."""
    relay = await _asked(incoming)
    if relay is None:
        return None
    return RelayAnswer(actor=incoming.actor, uri=incoming.uri, relay=relay, state=state)


async def _asked(incoming: Incoming) -> RelayRow | None:
    """Find the subscription that is answered: by its id or, where a relay rewrote that, by who
    asked whom."""
    ctx, activity = incoming.ctx, incoming.activity
    relay = await ctx.db.one(RELAY_ASKED, activity.object_id, incoming.actor.uri)
    if relay is None or relay.follow_uri == activity.object_id:
        return relay
    follow = activity.object
    asked_by_us = (
        isinstance(follow, Activity) and follow.actor == Uris(ctx.config.base_url).instance_actor
    )
    return relay if asked_by_us else None


async def read_relayed(incoming: Incoming) -> Act | None:
    """Make the act of what a relay brings; None for the Announce of anybody else."""
    if not await relaying.is_relay(incoming.ctx, incoming.actor.uri):
        return None
    return await Relayed.read(incoming)


@dataclass(frozen=True, kw_only=True)
class Relayed(Act):
    """A relay named a public post, and it was read at its origin. No boost, no home timeline."""

    type: ClassVar[str] = "Announce"

    status: StatusRow

    @classmethod
    async def read(cls, incoming: Incoming) -> Act:
        """Read what the relay names. Raises Ignored where it is known already, or ours."""
        ctx, uri = incoming.ctx, incoming.object_id
        if same_origin(uri, ctx.config.base_url):
            raise Ignored("it is ours")
        known = await ctx.db.one(STATUS_BY_URI, uri)
        if known is None and not incoming.activity.unknown.get(relaying.BECAME):
            status = await _bring_public(ctx, uri, incoming.budget)
            return cls(actor=incoming.actor, uri=incoming.uri, status=status)
        if known is not None and incoming.activity.unknown.get(relaying.BECAME) == "Delete":
            return await _deletion(incoming, known)
        raise Ignored("it is known here already, or nothing to us")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True


async def _bring_public(ctx: Context, uri: str, budget: Budget) -> StatusRow:
    if await ctx.db.one(TOMBSTONE_BY_URI, uri) is not None:
        raise Gone(uri)
    fetched = parse_any(await fetch.document(ctx, uri, budget))
    if not isinstance(fetched, Object) or not any(map(is_public, fetched.to)):
        raise Refused("a relay brings public posts only")
    if await _comes_by_itself(ctx, fetched):
        raise Ignored("its author sends it to us, too")
    return await store_object(ctx, fetched, budget)


async def _comes_by_itself(ctx: Context, fetched: Object) -> bool:
    """A post by somebody who is followed here, or for somebody here, comes as a Create. Had the
    relay been quicker, it would be known already, and never reach home timelines."""
    base = ctx.config.base_url + "/"
    named = (*fetched.to, *fetched.cc, *(one.href for one in fetched.mentions))
    if any(uri and uri.startswith(base) for uri in (*named, fetched.in_reply_to)):
        return True
    author = await ctx.db.one(ACCOUNT_BY_URI, next(iter(fetched.attributed_to), ""))
    return author is not None and await ctx.db.value(FOLLOWED_HERE, author.id) is True


async def _deletion(incoming: Incoming, status: StatusRow) -> Act:
    """A relay says that a post is deleted: so it is, if its own server says so too."""
    author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
    if author is None or author.local or await _is_there(incoming, status.uri):
        raise Ignored("what was passed on as deleted is there")
    return DeleteStatus(actor=author, uri=incoming.uri, status=status)


async def _is_there(incoming: Incoming, uri: str) -> bool:
    try:
        fetched = await fetch.document(incoming.ctx, uri, incoming.budget)
    except Gone:
        return False
    return fetched.get("type") != "Tombstone"


async def relays(ctx: Context) -> list[RelayRow]:
    """Give all relays that we asked, the oldest first."""
    return await ctx.db.fetch(RELAYS)


async def subscribe(ctx: Context, url: str) -> RelayRow:
    """Ask the relay at `url`: an inbox (`…/inbox`) is Mastodon's style, an actor LitePub's.

    Raises Invalid for what can be no relay, NotFound, or Unreachable.
    """
    if not is_web_url(url) or same_origin(url, ctx.config.base_url):
        raise Invalid(f"{url} is not the address of a relay's inbox or actor")
    relay = await _new_relay(ctx, url)
    act = Subscribe(actor=await ensure_instance_actor(ctx), uri=relay.follow_uri, relay=relay)
    if not await perform(ctx, act):
        raise Invalid(f"{url} was asked before: `fedserver relay list` shows its state")
    return relay


async def _new_relay(ctx: Context, url: str) -> RelayRow:
    number = ctx.ids.new()
    style, inbox, actor, audience = "mastodon", url, None, None
    if not url.endswith("/inbox"):
        account = await _relay_actor(ctx, url)
        style, inbox, actor = "litepub", account.inbox_url, account.uri
        audience = account.followers_url
    follow_uri = Uris(ctx.config.base_url).activity(number)
    now = ctx.clock.now()
    return RelayRow(number, inbox, actor, audience, style, follow_uri, "pending", now)


async def _relay_actor(ctx: Context, url: str) -> AccountRow:
    try:
        return await resolve.fetch_account(ctx, url, Budget(_FETCHES))
    except ProtocolError as error:
        raise Invalid(f"{url} is no relay: {error.reason}") from error
    except Gone as error:
        raise NotFound(f"There is nothing at {url}") from error


async def unsubscribe(ctx: Context, url: str) -> RelayRow:
    """Leave the relay with this inbox or actor. Raises NotFound where we never asked it."""
    relay = await ctx.db.one(RELAY_BY_ADDRESS, url)
    if relay is None:
        raise NotFound(f"{url} is no relay of ours")
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    await perform(ctx, Unsubscribe(actor=await ensure_instance_actor(ctx), uri=uri, relay=relay))
    return relay
