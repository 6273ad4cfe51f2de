"""Emoji reactions: in a Status as Fedibird and Akkoma show them, in a list with who reacted as
Pleroma does.

The core of a status is the same for everybody, so its `me` is false everywhere; `with_own` makes
it true where the viewer reacted. Whoever reacts favourites, too: only what is favourited is looked
at, and only where a reaction is shown at all.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.accounts import account_bytes
from fedserver.uris import Uris
from storage.emoji_reactions import REACTIONS_OF_VIEWERS, REACTORS, ReactorRow

Json = dict[str, Any]
Key = tuple[str, str]

# Nothing in a JSON string looks like this: quotes are escaped there.
_START = b',"emoji_reactions":'
_AFTER = b',"tagged_collections":'
_NONE = _START + b"[]" + _AFTER


def reaction_json(uris: Uris, name: str, image_url: str, count: int, *, me: bool = False) -> Json:
    """Give a reaction (Fedibird: Status#emoji_reactions); a custom emoji has a URL."""
    shown = {"name": name, "count": count, "me": me}
    url = uris.remote_media(image_url)
    return shown | ({"url": url, "static_url": url} if url else {})


async def with_own(
    ctx: Context, cores: dict[int, bytes], favourited: Collection[int], viewer: int | None
) -> dict[int, bytes]:
    """Give `cores` (JSON that ends with the reactions and the ids of collections) with the
    reactions of `viewer` marked."""
    if viewer is None:
        return cores
    own = await own_of_viewers(ctx, cores, {viewer: favourited})
    return cores | own.get(viewer, {})


async def own_of_viewers(
    ctx: Context, cores: Mapping[int, bytes], favourited: Mapping[int, Collection[int]]
) -> dict[int, dict[int, bytes]]:
    """Give, by viewer and status, the cores that differ since the viewer reacted. `favourited`
    says what each favourited. One query, whatever there is."""
    named = {one for ids in favourited.values() for one in ids}
    reacted = [one for one in named if one in cores and _NONE not in cores[one]]
    if not reacted:
        return {}
    own: dict[tuple[int, int], set[Key]] = defaultdict(set)
    for row in await ctx.db.fetch(REACTIONS_OF_VIEWERS, list(favourited), reacted):
        key = _shown_as(ctx.uris, row.name, row.image_url)
        own[row.account_id, row.status_id].add(key)
    found: dict[int, dict[int, bytes]] = defaultdict(dict)
    for (viewer, status_id), mine in own.items():
        found[viewer][status_id] = _marked(cores[status_id], mine)
    return found


def _shown_as(uris: Uris, name: str, image_url: str) -> Key:
    return name, uris.remote_media(image_url) or ""


def _marked(core: bytes, own: set[Key]) -> bytes:
    start, end = core.rindex(_START) + len(_START), core.rindex(_AFTER)
    shown = orjson.loads(core[start:end])
    marked = [one | {"me": (one["name"], one.get("url", "")) in own} for one in shown]
    return core[:start] + orjson.dumps(marked) + core[end:]


async def reactions(ctx: Context, status_id: int, viewer: int | None) -> list[Json]:
    """Give the reactions to a status with the accounts that reacted (Pleroma API:
    EmojiReaction), without those that `viewer` does not want to see."""
    rows = await ctx.db.fetch(REACTORS, status_id, viewer)
    accounts = await account_bytes(ctx, {row.account_id: row.version for row in rows}, viewer)
    by_emoji: dict[Key, list[ReactorRow]] = {}
    for row in rows:
        by_emoji.setdefault((row.name, row.image_url), []).append(row)
    uris = ctx.uris
    return [_listed(uris, key, who, accounts, viewer) for key, who in by_emoji.items()]


def _listed(
    uris: Uris, key: Key, who: list[ReactorRow], accounts: Mapping[int, bytes], viewer: int | None
) -> Json:
    ids = [row.account_id for row in who]
    shown = reaction_json(uris, *key, len(ids), me=viewer in ids)
    return shown | {"accounts": [orjson.Fragment(accounts[one]) for one in ids if one in accounts]}
