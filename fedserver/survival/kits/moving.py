"""Moving followers without the old server: activities of the old account, proven by the person.

The new server brings them under its own signature; whoever knows the recovery key believes the
proof (FEP-8b32). They are signed once, while the words are in memory, and then lie in the queue
like every other activity, so that they outlive a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from activitypub.addressing import PUBLIC
from activitypub.contexts.terms import ACTIVITYSTREAMS
from activitypub.json_bytes import dumps
from activitypub.origins import is_web_url, same_origin
from activitypub.proofs import add_proof
from fedserver.context import Context
from fedserver.effects.acts import Audience
from fedserver.effects.move import Move
from fedserver.effects.performing import perform, perform_in
from fedserver.effects.update import UpdateActor
from fedserver.errors import Refused
from fedserver.services.recovery_pins import counts, pins_of
from fedserver.survival.kits.reading import OpenKit, Peer
from fedserver.uris import Uris, recovery_key
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.database import Transaction
from storage.deliveries import INSERT_DELIVERIES
from storage.outbox import INSERT_ACTIVITY
from storage.replays import SHARE_POSTING

Json = dict[str, Any]

# Fedify fetches the moved actor unless it is in the Move; all others want its id.
_EMBED_FOR: Final = frozenset({"hollo", "fedify", "ghost", "encyclia", "botkit"})
# These take a Move as news of nothing, and an Update with `movedTo` as the move.
_UPDATE_FOR: Final = frozenset({"misskey", "sharkey", "iceshrimp", "firefish", "calckey"})


@dataclass(frozen=True, kw_only=True)
class Hello(UpdateActor):
    """Show the new actor to peers that do not know it yet: some believe no Move to a stranger."""

    type: ClassVar[str] = "Update"

    inboxes: tuple[str, ...]

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(inboxes=self.inboxes)


async def move_followers(ctx: Context, kit: OpenKit, new: AccountRow) -> int:
    """Put what moves the followers of the kit's account to `new` into the queue; gives to how many
    inboxes. Once for each import: the caller remembers."""
    await move_ours(ctx, kit, new)
    peers = _reachable(ctx, kit)
    if not peers:
        return 0
    inboxes = tuple(sorted({one.inbox for one in peers}))
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    async with ctx.db.transaction() as tx:
        await perform_in(ctx, tx, Hello(actor=new, uri=uri, inboxes=inboxes))
        for kind, document in _bodies(ctx, kit, new).items():
            wanted = sorted({one.inbox for one in peers if _form_for(one) == kind})
            if wanted:
                await _queue(ctx, tx, new, document, wanted)
    return len(inboxes)


async def move_ours(ctx: Context, kit: OpenKit, new: AccountRow) -> bool:
    """Let our own people who follow the old account go along; False where it is not known here.

    Raises Refused where what we know of it names another recovery key.
    """
    old = await ctx.db.one(ACCOUNT_BY_URI, kit.uri)
    if old is None or old.local:
        return False
    key, now = kit.key.public.did, ctx.clock.now()
    pinned = [one.did for one in await pins_of(ctx, kit.uri) if counts(one, now)]
    if key not in pinned:
        if pinned:
            raise Refused(f"{kit.uri} is known here with another recovery key")
        return False  # nobody here can tell whether the kit's account is that one
    act = Move(actor=old, uri=f"{kit.uri}#moves/{ctx.ids.new()}", target=new, persons_key=key)
    return await perform(ctx, act)


def _reachable(ctx: Context, kit: OpenKit) -> list[Peer]:
    """The list of peers may be anybody's: nothing of it is asked of ourselves or of the dead."""
    ours = ctx.config.base_url
    return [
        one
        for one in kit.peers
        if is_web_url(one.inbox)
        and not same_origin(one.inbox, ours)
        and not same_origin(one.inbox, kit.uri)
        and not ctx.domains.refuses(urlsplit(one.inbox).netloc.lower())
    ]


def _form_for(peer: Peer) -> str:
    software = (peer.software or "").lower()
    if software in _EMBED_FOR:
        return "embedded"
    return "update" if software in _UPDATE_FOR else "plain"


def _bodies(ctx: Context, kit: OpenKit, new: AccountRow) -> dict[str, Json]:
    """Give the activity that moves the account, in each form that some software takes."""
    actor = {name: value for name, value in kit.document.items() if name != "proof"}
    to = [kit.actor.followers] if kit.actor.followers else [PUBLIC]
    move = {"type": "Move", "actor": kit.uri, "target": new.uri, "to": to}
    return {
        "plain": _proven(ctx, kit, move | {"object": kit.uri}),
        "embedded": _proven(ctx, kit, move | {"object": actor}),
        "update": _proven(
            ctx,
            kit,
            {
                "type": "Update",
                "actor": kit.uri,
                "object": actor | {"movedTo": new.uri},
                "to": [PUBLIC],
            },
        ),
    }


def _proven(ctx: Context, kit: OpenKit, said: Mapping[str, Any]) -> Json:
    context = kit.document.get("@context", ACTIVITYSTREAMS)
    activity = {"@context": context, "id": f"{kit.uri}#moves/{ctx.ids.new()}", **said}
    return add_proof(
        activity,
        key_id=recovery_key(kit.uri),
        private_key=kit.key.signing,
        now=ctx.clock.now(),
    )


async def _queue(
    ctx: Context, tx: Transaction, new: AccountRow, document: Json, inboxes: list[str]
) -> None:
    number, now = ctx.ids.new(), ctx.clock.now()
    await tx.execute(
        INSERT_ACTIVITY,
        number,
        document["id"],
        new.id,
        document["type"],
        dumps(document),
        False,
        None,
        now,
        False,
        inboxes,
    )
    hosts = [urlsplit(one).netloc.lower() for one in inboxes]
    await tx.execute(SHARE_POSTING)
    await tx.execute(INSERT_DELIVERIES, number, inboxes, hosts, now)
