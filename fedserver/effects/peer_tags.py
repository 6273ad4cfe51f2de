"""The hashtags on profiles of peers' people: Add and Remove of a Hashtag, and the collection
(Mastodon's toot:featuredTags).

Mastodon names its featured collection as the target of these, and takes no other; others may name
the collection that holds them. Both are read.
"""

import re
from collections.abc import Mapping
from typing import Any

from activitypub.errors import ProtocolError
from activitypub.model import Hashtag
from activitypub.origins import same_origin
from activitypub.parse.tags import parse_tags
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.feature_tag import MAX_REMOTE_FEATURED_TAGS, FeatureTag, UnfeatureTag
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.errors import FedserverError
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.peer_tags import FEATURED_TAGS_URL, REPLACE_FEATURED_TAGS

_TAG = re.compile(r"\w{1,100}")


async def read_tag_add(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Add of a hashtag to its profile; None where something else is
    added."""
    name = await _hashtag(incoming)
    return FeatureTag(actor=incoming.actor, uri=incoming.uri, name=name) if name else None


async def read_tag_remove(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Remove of a hashtag from its profile; None where something else is
    removed."""
    name = await _hashtag(incoming)
    return UnfeatureTag(actor=incoming.actor, uri=incoming.uri, name=name) if name else None


async def _hashtag(incoming: Incoming) -> str | None:
    document = incoming.activity.raw or {}
    found = parse_tags(document.get("object")).hashtags
    if not found:
        return None
    own = await incoming.ctx.db.value(FEATURED_TAGS_URL, incoming.actor.id)
    if incoming.activity.target not in {own, incoming.actor.featured_url} - {None}:
        raise Ignored("it is not about the actor's own profile")
    if not _TAG.fullmatch(found[0].name):
        raise Ignored("it names no hashtag")
    return found[0].name


async def read_featured_tags(ctx: Context, account: AccountRow, budget: Budget) -> bool:
    """Take over the hashtags that a peer's `account` shows on its profile; False where the
    collection cannot be had or believed."""
    uri = await ctx.db.value(FEATURED_TAGS_URL, account.id)
    if uri is None or account.local or not same_origin(uri, account.uri):
        return False
    try:
        hashtags = await _items(ctx, uri, budget)
    except (FedserverError, ProtocolError):
        return False
    named = {one.name.lower(): one.name for one in hashtags if _TAG.fullmatch(one.name)}
    names = sorted(list(named)[:MAX_REMOTE_FEATURED_TAGS])
    ids = [ctx.ids.new() for _ in names]
    tag_ids, written = [ctx.ids.new() for _ in names], [named[name] for name in names]
    now = ctx.clock.now()
    await ctx.db.execute(REPLACE_FEATURED_TAGS, account.id, ids, tag_ids, names, written, now)
    return True


async def _items(ctx: Context, uri: str, budget: Budget) -> tuple[Hashtag, ...]:
    """Give the hashtags in a collection, or in the first page of it."""
    document = await fetch.document(ctx, uri, budget)
    first = document.get("first")
    if isinstance(first, str) and not _listed(document):
        if not same_origin(first, uri):
            return ()
        document = await fetch.document(ctx, first, budget)
    elif isinstance(first, Mapping) and not _listed(document):
        document = dict(first)
    return parse_tags(_listed(document)).hashtags


def _listed(document: Mapping[str, Any]) -> Any:
    return document.get("items") or document.get("orderedItems")
