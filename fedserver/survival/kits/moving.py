"""Moving followers without the old server: activities of the old account, proven by the person.

Whoever knows the recovery key believes the proof (FEP-8b32), whoever brings the activity. So the
new server puts them into its queue like its own; they are signed once, while the words are in
memory, and outlive a restart. Where the kit has the key that the old server signed requests with,
they go out under that key at once (old_key.py): all other software believes nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from activitypub.build import to_document
from activitypub.json_bytes import dumps
from activitypub.origins import is_web_url, same_origin
from activitypub.proofs import add_proof
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.acts import Audience
from fedserver.effects.move import Move
from fedserver.effects.performing import perform, perform_in
from fedserver.effects.update import UpdateActor
from fedserver.errors import Refused
from fedserver.services.recovery_pins import Word, counts, pins_of
from fedserver.survival.evacuation import dialects
from fedserver.survival.evacuation.dialects import Dialect, Family, Step
from fedserver.survival.kits.reading import OpenKit, Peer
from fedserver.uris import Uris, recovery_key
from storage.accounts import ACCOUNT_BY_URI, KEYS_OF_ACCOUNT, AccountRow
from storage.database import Transaction
from storage.deliveries import INSERT_DELIVERIES
from storage.outbox import INSERT_ACTIVITY
from storage.replays import SHARE_POSTING

Json = dict[str, Any]

# These read integrity proofs: Mastodon from 4.7 on, the others since long.
KNOW_PROOFS: Final = frozenset(
    {Family.FEDSERVER, Family.MASTODON, Family.MITRA, Family.FEDIFY, Family.UNKNOWN}
)
_BY_PROOF: Final = (Step.MOVE, Step.MOVED_TO)


@dataclass(frozen=True, slots=True)
class Reached:
    """How many inboxes, and followers behind them, are told; and how many nobody can tell."""

    inboxes: int
    followers: int
    out_of_reach: int


@dataclass(frozen=True, kw_only=True)
class Hello(UpdateActor):
    """Show the new actor to peers that do not know it yet: some believe no Move to a stranger."""

    type: ClassVar[str] = "Update"

    inboxes: tuple[str, ...]

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(inboxes=self.inboxes)


async def move_by_proof(ctx: Context, kit: OpenKit, new: AccountRow) -> Reached:
    """Put what moves the followers of the kit's account to `new` into the queue. Once for each
    import: the caller remembers."""
    known = reachable(ctx, kit)
    peers = [one for one in known if dialects.dialect_of(one.software).family in KNOW_PROOFS]
    if peers:
        inboxes = tuple(sorted({one.inbox for one in peers}))
        uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
        async with ctx.db.transaction() as tx:
            await perform_in(ctx, tx, Hello(actor=new, uri=uri, inboxes=inboxes))
            for told, wanted in _told(ctx, kit, new, peers):
                await _queue(ctx, tx, new, told, wanted)
    reached = sum(one.followers for one in peers)
    return Reached(len(peers), reached, sum(one.followers for one in known) - reached)


def _told(
    ctx: Context, kit: OpenKit, new: AccountRow, peers: list[Peer]
) -> list[tuple[Json, list[str]]]:
    """Give each activity with the inboxes that it is for; one for all that take it alike."""
    by_form: dict[tuple[Step, bool], set[str]] = {}
    for peer in peers:
        dialect = dialects.dialect_of(peer.software)
        for step in dialect.steps:
            if step in _BY_PROOF:
                form = (step, step is Step.MOVE and dialect.embeds_origin)
                by_form.setdefault(form, set()).add(peer.inbox)
    steps = sorted(by_form, key=lambda form: _BY_PROOF.index(form[0]))
    return [
        (said_by_old(ctx, kit, new, step, embeds_origin=embeds), sorted(by_form[step, embeds]))
        for step, embeds in steps
    ]


def said_by_old(
    ctx: Context, kit: OpenKit, new: AccountRow, step: Step, *, embeds_origin: bool = False
) -> Json:
    """Give an activity of the old account, with the proof of its person."""
    uri, old = f"{kit.uri}#moves/{ctx.ids.new()}", kit.document
    match step:
        case Step.MOVE:
            said = dialects.move(uri, old, new.uri, embeds_origin=embeds_origin)
        case Step.MOVED_TO:
            said = dialects.moved_to(uri, old, new.uri)
        case Step.FAREWELL:
            handle = f"@{new.username}@{ctx.config.instance.domain}"
            shown = {"id": new.uri, "url": new.url}
            said = dialects.farewell(uri, old, shown, handle=handle, now=ctx.clock.now())
        case _:
            raise ValueError(f"the old account says no {step}")
    return _proven(ctx, kit, said)


async def hello_of(ctx: Context, new: AccountRow) -> Json:
    """Give the Update by which the new account shows itself."""
    keys = await ctx.db.fetch(KEYS_OF_ACCOUNT, new.id)
    actor = to_document(documents.actor(ctx, new, keys))
    return dialects.hello(Uris(ctx.config.base_url).activity(ctx.ids.new()), actor)


def steps_under_old_key(dialect: Dialect) -> list[Step]:
    """Give what the old account says to such a peer under its own key, in order."""
    said: list[Step] = [one for one in dialect.steps if one in _BY_PROOF]
    return [*said, Step.FAREWELL] if dialect.farewell_always else said


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
    act = Move(actor=old, uri=f"{kit.uri}#moves/{ctx.ids.new()}", target=new, word=Word(key, now))
    return await perform(ctx, act)


def reachable(ctx: Context, kit: OpenKit) -> list[Peer]:
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


def _proven(ctx: Context, kit: OpenKit, said: Mapping[str, Any]) -> Json:
    return add_proof(
        said, key_id=recovery_key(kit.uri), private_key=kit.key.signing, now=ctx.clock.now()
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
