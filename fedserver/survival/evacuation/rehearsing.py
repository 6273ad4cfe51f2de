"""An evacuation without the world: all of it is made and signed, and a stand-in on this machine
takes it as strictly as the strictest peer of each kind. Then everything is taken back.

At most some accounts take part, so that it can be done while the server runs.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import urlsplit

from activitypub.errors import ProtocolError
from activitypub.json_bytes import dumps
from activitypub.keys import load_public_key
from activitypub.parse import parse_activity
from activitypub.signatures import Dialect as SignatureDialect
from activitypub.signatures import SignedRequest, check_signature, read_claim
from activitypub.trust import authenticate
from fedserver.context import Context
from fedserver.services import signing
from fedserver.services.new_accounts import make_keys
from fedserver.survival.evacuation import planning
from fedserver.survival.evacuation.dialects import Dialect, Family, dialect_of
from fedserver.survival.evacuation.speaking import Said, Speaker, speaker, words
from fedserver.timed_cache import TimedCache
from storage import evacuations as sql
from storage.accounts import KeyRow
from storage.database import Database, Transaction
from storage.evacuations import EvacuationRow, MessageRow

MOST_ACCOUNTS: Final = 200
_MOST_EACH = 10_000


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it: by peer, and what the stand-in had against the rest."""

    accounts: int
    taken: Counter[str]
    refused: Counter[str]
    reasons: Counter[str]


@dataclass(slots=True)
class _StandIn:
    """Believes what peers do: a key it knows, ids of its signer's host, an alias that it read."""

    keys: dict[str, str] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def meet(self, actor: dict[str, Any]) -> None:
        """Know an actor, as a peer does that has read it."""
        key = actor["publicKey"]
        self.keys[key["id"]] = key["publicKeyPem"]

    def take(
        self, request: SignedRequest, said: dict[str, Any], dialect: Dialect, now: datetime
    ) -> None:
        """Raise ProtocolError, or ValueError, for what some peer of that kind would not take."""
        claim = read_claim(request, now=now)
        check_signature(claim, load_public_key(self.keys[claim.key_id]))
        signer = claim.key_id.partition("#")[0]
        authenticate(parse_activity(said), signer)
        if _host(said["id"]) != _host(signer):
            raise ValueError("the id is of another host than the signer")
        subject = said["object"]
        if said["type"] == "Update" and subject["id"] == signer and "movedTo" not in subject:
            self.seen[signer] = subject
        if said["type"] == "Move" or (isinstance(subject, dict) and "movedTo" in subject):
            self._check_move(said, dialect)

    def _check_move(self, said: dict[str, Any], dialect: Dialect) -> None:
        moved = said["object"]
        if said["type"] == "Move" and isinstance(moved, str) is dialect.embeds_origin:
            raise ValueError("the moved actor is in the wrong form")
        target = said.get("target") or moved["movedTo"]
        if said["actor"] not in self.seen.get(target, {}).get("alsoKnownAs", ()):
            raise ValueError("the target was not heard of before, or names another account")
        if dialect.family is Family.MISSKEY:
            hosts = {_host(moved[name]) for name in ("id", "inbox", "outbox", "followers", "url")}
            if hosts != {_host(said["actor"])}:
                raise ValueError("an address of the profile is of another host")


async def rehearse(ctx: Context, old_base: str, domain: str) -> Rehearsal:
    """Do everything but telling the world, for some accounts, and take it back.

    Raises as `planning.begin`.
    """
    ids = await ctx.db.values(sql.ACCOUNTS_WITHOUT_KEYS, old_base, 0, MOST_ACCOUNTS)
    keys = await asyncio.gather(*(make_keys(ctx) for _ in ids))
    found: list[Rehearsal] = []
    try:
        async with ctx.db.transaction() as tx:
            row = await planning.begin_in(ctx, tx, old_base, domain)
            await tx.execute(sql.PUT_EVACUATION_KEYS, row.id, ids, *planning.key_columns(ctx, keys))
            await planning.switch_in(ctx, tx, row)
            found.append(await _say_all(_inside(ctx, tx, domain, old_base), row, len(ids)))
            raise planning.NotDone
    except planning.NotDone:
        return found[0]


def _inside(ctx: Context, tx: Transaction, domain: str, old_base: str) -> Context:
    """A context that sees what the transaction has done, as the server would after the switch."""
    config = replace(ctx.config, instance=replace(ctx.config.instance, domain=domain))
    db = cast(Database, tx)  # it reads alike, and nothing here begins another transaction
    cache: TimedCache[tuple[int, str], KeyRow] = TimedCache(
        ctx.clock, keep_s=60.0, max_entries=2 * MOST_ACCOUNTS + 10
    )
    domains = ctx.domains.with_former(old_base.partition("://")[2])
    return replace(ctx, config=config, db=db, own_keys=cache, domains=domains)


async def _say_all(ctx: Context, row: EvacuationRow, accounts: int) -> Rehearsal:
    stand_in, speakers = _StandIn(), dict[int, Speaker]()
    result = Rehearsal(accounts, Counter(), Counter(), Counter())
    everything_due = ctx.clock.now() + timedelta(days=1)
    for peer in await ctx.db.fetch(sql.PROGRESS, row.id):
        due = await ctx.db.fetch(sql.DUE_MESSAGES, row.id, peer.host, everything_due, _MOST_EACH)
        for message in due:
            who = speakers.get(message.account_id)
            if who is None:
                who = speakers[message.account_id] = await speaker(ctx, row, message.account_id)
                stand_in.meet(who.old)
                stand_in.meet(who.new)
            dialect = dialect_of(peer.family)
            said = words(row, dialect, message, who, ctx.clock.now())
            reason = await _told(ctx, stand_in, dialect, message, said)
            if reason is None:
                result.taken[peer.host] += 1
            else:
                result.refused[peer.host] += 1
                result.reasons[f"{message.step} to {peer.family}: {reason}"] += 1
    return result


async def _told(
    ctx: Context, stand_in: _StandIn, dialect: Dialect, message: MessageRow, said: Said
) -> str | None:
    """Sign as for the peer, and give what the stand-in has against it."""
    body = dumps(said.document)
    sign = signing.signer(ctx, said.key, SignatureDialect.CAVAGE)
    headers = dict(await sign("POST", message.inbox_url, body))
    host = urlsplit(message.inbox_url).netloc
    signed = {"host": host} | {name.lower(): value for name, value in headers.items()}
    request = SignedRequest("POST", message.inbox_url, signed, body)
    try:
        stand_in.take(request, said.document, dialect, ctx.clock.now())
    except ProtocolError as error:
        return error.reason
    except ValueError as error:
        return str(error)
    return None


def _host(uri: str) -> str:
    return urlsplit(uri).netloc
