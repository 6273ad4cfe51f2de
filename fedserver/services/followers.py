"""What we say and hear of followers, to be compared with a peer (FEP-8fcf).

Nothing is said, and nothing heard, while a restore is incomplete (storage.conditions).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from activitypub.errors import ProtocolError
from activitypub.followers import (
    HEADER,
    Synchronization,
    digest_of,
    read_header,
    write_header,
)
from activitypub.json_bytes import loads
from activitypub.origins import same_origin
from activitypub.signatures import SignedRequest
from activitypub.signatures.coverage import covers
from fedserver.context import Context
from fedserver.services import fetch
from fedserver.timed_cache import TimedCache
from fedserver.uris import followers_synchronization
from storage.followers import (
    FOLLOWERS_DIGESTS,
    FOLLOWERS_HERE,
    FOLLOWERS_STATE,
    PUT_COMPARISON,
    FollowersStateRow,
)

NO_FOLLOWERS = digest_of(())
# An Accept or Undo that is on its way settles most differences by itself.
COMPARE_AFTER = timedelta(seconds=15)
_LOOK_EVERY_S = 5.0
_DIGESTS_KEPT_S = 3_600.0
_ACCOUNTS_KEPT = 1_000
_HEAR_EVERY_S = 60.0


@dataclass(slots=True)
class _Digests:
    """The digests of an account's followers by origin, and when they were last known to be so."""

    state: FollowersStateRow
    by_origin: Mapping[str, str]
    looked_at_s: float


async def header_for(
    ctx: Context, account_id: int, inbox_url: str, document: bytes
) -> dict[str, str]:
    """Give the header that goes with a delivery of one of our people, or nothing.

    Only what is addressed to the followers carries it. All peers' digests are computed in one
    query, again only when the followers have changed.
    """
    if b"/followers" not in document:
        return {}
    digests = await _digests(ctx, account_id)
    if digests is None or digests.state.restore_incomplete:
        return {}
    followers_url = digests.state.followers_url
    if followers_url is None or followers_url not in _recipients(document):
        return {}
    said = Synchronization(
        collection_id=followers_url,
        url=followers_synchronization(followers_url),
        digest=digests.by_origin.get(origin_of(inbox_url), NO_FOLLOWERS),
    )
    return {HEADER: write_header(said)}


def origin_of(url: str) -> str:
    """Give scheme and authority as the digests are grouped by."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


@lru_cache(maxsize=64)
def _recipients(document: bytes) -> frozenset[str]:
    """One document goes to many inboxes."""
    read: dict[str, Any] = loads(document)
    return frozenset([*read.get("to", ()), *read.get("cc", ())])


_kept: WeakKeyDictionary[Any, TimedCache[int, _Digests]] = WeakKeyDictionary()


def _cache(ctx: Context) -> TimedCache[int, _Digests]:
    found = _kept.get(ctx.out)
    if found is None:
        found = TimedCache(ctx.clock, keep_s=_DIGESTS_KEPT_S, max_entries=_ACCOUNTS_KEPT)
        _kept[ctx.out] = found
    return found


async def _digests(ctx: Context, account_id: int) -> _Digests | None:
    kept = _cache(ctx).get(account_id)
    if kept is not None and ctx.clock.monotonic() - kept.looked_at_s < _LOOK_EVERY_S:
        return kept
    # Many lanes begin at once: one of them looks.
    return await fetch.once(ctx, f"followers {account_id}", lambda: _look(ctx, account_id))


async def _look(ctx: Context, account_id: int) -> _Digests | None:
    state = await ctx.db.one(FOLLOWERS_STATE, account_id)
    if state is None:
        return None
    kept = _cache(ctx).get(account_id)
    if kept is not None and kept.state == state:
        by_origin = kept.by_origin
    else:
        rows = await ctx.db.fetch(FOLLOWERS_DIGESTS, account_id)
        by_origin = {row.origin: row.digest for row in rows}
    found = _Digests(state, by_origin, ctx.clock.monotonic())
    _cache(ctx).put(account_id, found)
    return found


async def hear(ctx: Context, request: SignedRequest, signer: str) -> None:
    """Take what a verified delivery of `signer` says of its followers here; where it differs from
    what we have, the two will be compared."""
    said = _said(request)
    if said is None or not same_origin(said.url, signer):
        return
    if not ctx.recent.claim(("followers heard", signer, said.digest), every_s=_HEAR_EVERY_S):
        return
    here = await ctx.db.one(FOLLOWERS_HERE, signer)
    if here is None or here.restore_incomplete or here.followers_url != said.collection_id:
        return
    if (here.digest or NO_FOLLOWERS) != said.digest:
        due_at = ctx.clock.now() + COMPARE_AFTER
        await ctx.db.execute(PUT_COMPARISON, here.account_id, said.url, said.digest, due_at)


def _said(request: SignedRequest) -> Synchronization | None:
    """Only a header that is signed counts (FEP-8fcf)."""
    value = request.headers.get(HEADER.lower())
    if value is None:
        return None
    try:
        return read_header(value) if covers(request, HEADER) else None
    except ProtocolError:
        return None
