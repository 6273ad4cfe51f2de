"""What our people post in public goes to relays, too (FEP-ae0c)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI
from storage.database import Transaction
from storage.relays import ACCEPTED_RELAYS, RelayRow


@dataclass(frozen=True, kw_only=True)
class AnnounceToRelays(Act):
    """The instance actor names a public post of ours to relays of LitePub's style."""

    type: ClassVar[str] = "Announce"

    status_uri: str
    published: datetime
    relays: tuple[RelayRow, ...]

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(inboxes=tuple(one.inbox_url for one in self.relays))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        # Some relays want to find their own followers addressed, others Public.
        followers = [one.audience_url or one.actor_uri for one in self.relays]
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.status_uri,
            to=tuple(uri for uri in followers if uri),
            cc=(PUBLIC,),
            published=self.published,
        )
        return Outgoing(activity)


async def mastodon_relays(tx: Transaction, visibility: str) -> tuple[str, ...]:
    """Give the inboxes that take our public activities as they are."""
    if visibility != "public":
        return ()
    relays = await tx.fetch(ACCEPTED_RELAYS)
    return tuple(one.inbox_url for one in relays if one.style == "mastodon")


async def all_relays(tx: Transaction, visibility: str) -> tuple[str, ...]:
    """Give the inboxes that hear when something public is deleted."""
    if visibility != "public":
        return ()
    return tuple(one.inbox_url for one in await tx.fetch(ACCEPTED_RELAYS))


async def announcement(
    ctx: Context, tx: Transaction, *, status_uri: str, visibility: str, published: datetime
) -> Sequence[Act]:
    """Give the Announce of a new public post to relays of LitePub's style, if there are any."""
    if visibility != "public":
        return ()
    relays = tuple(one for one in await tx.fetch(ACCEPTED_RELAYS) if one.style == "litepub")
    if not relays:
        return ()
    uris = Uris(ctx.config.base_url)
    ourselves = await tx.one(ACCOUNT_BY_URI, uris.instance_actor)
    if ourselves is None:
        raise NotFound("The instance actor is missing: restart the server to make it")
    act = AnnounceToRelays(
        actor=ourselves,
        uri=uris.activity(ctx.ids.new()),
        status_uri=status_uri,
        published=published,
        relays=relays,
    )
    return (act,)
