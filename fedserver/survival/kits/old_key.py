"""Moving followers under the key that the old server signed requests with, where the kit has it.

Every software believes that, as far as it keeps keys: docs/survival.md. The key is in memory only;
it is never written down here, so nothing waits in the queue, and who is not reached now is told
again when the kit is brought in again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from activitypub.errors import KeyFormatError
from activitypub.json_bytes import dumps
from activitypub.keys import load_private_key, public_key_to_pem
from activitypub.signatures import Dialect as SignatureDialect
from fedserver.context import Context
from fedserver.errors import FedserverError, Invalid
from fedserver.services import fetch, signing
from fedserver.services.signing import SigningKey
from fedserver.survival.evacuation import dialects
from fedserver.survival.evacuation.dialects import Step
from fedserver.survival.kits.moving import (
    hello_of,
    reachable,
    said_by_old,
    steps_under_old_key,
)
from fedserver.survival.kits.reading import OpenKit, Peer
from storage.accounts import AccountRow

Json = dict[str, Any]

_HOSTS_AT_ONCE: Final = 8
_PAUSE_S: Final = 0.2  # between two inboxes of one host


@dataclass(frozen=True, slots=True)
class Told:
    """An inbox that was told everything, or why it was not."""

    inbox: str
    fault: str


def old_key(kit: OpenKit) -> SigningKey:
    """Give the key of the old account; raises Invalid where the kit's is none of that account."""
    try:
        private = load_private_key(kit.signing_key or "")
    except KeyFormatError as error:
        raise Invalid(f"The signing key in the kit cannot be read: {error.reason}") from None
    public = public_key_to_pem(private.public_key()).split()
    for key in kit.actor.keys:
        if (key.public_key_pem or "").split() == public:
            return SigningKey(key.id, private)
    raise Invalid("The signing key in the kit is not the account's")


async def move_by_old_key(
    ctx: Context, kit: OpenKit, new: AccountRow, done: frozenset[str]
) -> AsyncIterator[Told]:
    """Tell every peer but those in `done`, several hosts at once, and give each when it is told."""
    key, by_host = old_key(kit), defaultdict[str, list[Peer]](list)
    for peer in reachable(ctx, kit):
        if peer.inbox not in done:
            by_host[peer.host].append(peer)
    places = asyncio.Semaphore(_HOSTS_AT_ONCE)

    async def tell_host(peers: list[Peer]) -> list[Told]:
        async with places:
            told = []
            for peer in peers:
                told.append(await _tell(ctx, kit, new, key, peer))
                await asyncio.sleep(_PAUSE_S if len(peers) > 1 else 0)
            return told

    tasks = [asyncio.ensure_future(tell_host(peers)) for peers in by_host.values()]
    try:
        for host in asyncio.as_completed(tasks):
            for one in await host:
                yield one
    finally:
        for task in tasks:
            task.cancel()


async def _tell(ctx: Context, kit: OpenKit, new: AccountRow, key: SigningKey, peer: Peer) -> Told:
    dialect = dialects.dialect_of(peer.software)
    try:
        own = await signing.signing_key(ctx, new.id)
        await _post(ctx, peer.inbox, await hello_of(ctx, new), own)
        for step in steps_under_old_key(dialect):
            embeds = step is Step.MOVE and dialect.embeds_origin
            said = said_by_old(ctx, kit, new, step, embeds_origin=embeds)
            await _post(ctx, peer.inbox, said, key)
    except FedserverError as error:
        return Told(peer.inbox, str(error))
    return Told(peer.inbox, "")


async def _post(ctx: Context, inbox: str, document: Json, key: SigningKey) -> None:
    """Raises what the network says, and Invalid for an answer that is no yes."""
    for form in (SignatureDialect.CAVAGE, SignatureDialect.RFC9421):
        response = await ctx.out.request(
            "POST",
            inbox,
            headers={"Content-Type": signing.ACTIVITY_JSON},
            body=dumps(document),
            limits=fetch.limits(ctx),
            signer=signing.signer(ctx, key, form),
            repeatable=True,
        )
        if response.status < 300:
            return
        if response.status not in (400, 401, 403):
            break
    raise Invalid(f"{inbox} answered {response.status}")
