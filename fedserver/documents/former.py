"""What our people were under a former domain, for peers that know them by it.

A post made there keeps its id: peers have it under that id, and only what is said of that id, by
the actor it had, reaches their copies. Here it is served under the same path as a post of today's
actor, so that whoever has no copy can read it: each of the two documents is of one origin.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from activitypub.model import Actor
from fedserver.context import Context
from fedserver.documents.actors import actor
from storage.accounts import AccountRow, KeyRow

_ADDRESSES: Final = (
    "uri",
    "url",
    "inbox_url",
    "shared_inbox_url",
    "outbox_url",
    "followers_url",
    "following_url",
    "featured_url",
    "collections_url",
)
# They vouch for other words.
_PROOFS: Final = frozenset({"proof", "signature"})


def rebased(value: Any, old: str, new: str) -> Any:
    """Give a JSON value in which every address at or below `old` is the same below `new`."""
    if isinstance(value, str):
        if value == old or value.startswith((f"{old}/", f"{old}#")):
            return new + value[len(old) :]
        return value
    if isinstance(value, list):
        return [rebased(one, old, new) for one in value]
    if isinstance(value, dict):
        return {name: rebased(one, old, new) for name, one in value.items() if name not in _PROOFS}
    return value


def former_account(ctx: Context, account: AccountRow, former_base: str) -> AccountRow:
    """Give one of our accounts with the addresses that it had under `former_base`."""
    base = ctx.config.base_url
    addresses = {name: rebased(getattr(account, name), base, former_base) for name in _ADDRESSES}
    return replace(account, **addresses, also_known_as=[account.uri])


def former_actor(
    ctx: Context, account: AccountRow, former_base: str, keys: Sequence[KeyRow]
) -> Actor:
    """Give the Actor that one of our accounts was under `former_base`; `keys` are those of then."""
    moved = account.outbox_url is not None  # the instance actor goes nowhere
    document = actor(
        ctx,
        former_account(ctx, account, former_base),
        keys,
        moved_to=account.uri if moved else None,
    )
    domain = former_base.partition("://")[2]
    return replace(document, webfinger=f"{account.username}@{domain}")
