"""Add and Remove of the collection of featured tags: a hashtag on a profile (Mastodon's
toot:featuredTags)."""

from dataclasses import dataclass
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.errors import Invalid
from fedserver.uris import Uris
from storage.database import Transaction
from storage.featured_tags import FEATURE_TAG, LOCK_FEATURED_TAGS, UNFEATURE_TAG

MAX_FEATURED_TAGS = 10
MAX_REMOTE_FEATURED_TAGS = 20


@dataclass(frozen=True, kw_only=True)
class _TagFeaturing(Act):
    """A change of the actor's featured tags by one of our people. `name` is as written."""

    name: str

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        uris = Uris(ctx.config.base_url)
        hashtag = {
            "type": "Hashtag",
            "href": uris.tag(self.name.lower()),
            "name": f"#{self.name}",
        }
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            # Not the collection of tags: Mastodon sends this one, and takes no other.
            target=self.actor.featured_url,
            to=(PUBLIC,),
            # A Hashtag is a Link: it has no id, and no place among the documents of the model.
            unknown={"object": hashtag},
        )
        return Outgoing(activity)


@dataclass(frozen=True, kw_only=True)
class FeatureTag(_TagFeaturing):
    """Show a hashtag on the profile."""

    type: ClassVar[str] = "Add"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        shown = await tx.values(LOCK_FEATURED_TAGS, self.actor.id)
        if self.name.lower() in shown:
            return False
        if len(shown) >= (MAX_FEATURED_TAGS if self.actor.local else MAX_REMOTE_FEATURED_TAGS):
            raise Invalid("Validation failed: You have already featured the maximum of hashtags")
        now, ids = ctx.clock.now(), ctx.ids
        named = (self.name.lower(), self.name)
        return bool(await tx.execute(FEATURE_TAG, ids.new(), self.actor.id, ids.new(), *named, now))


@dataclass(frozen=True, kw_only=True)
class UnfeatureTag(_TagFeaturing):
    """Do not show a hashtag on the profile any more."""

    type: ClassVar[str] = "Remove"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(UNFEATURE_TAG, self.actor.id, self.name.lower()))
