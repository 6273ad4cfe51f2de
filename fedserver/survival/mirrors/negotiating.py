"""Two instances agree to keep things for each other, and end it: both sides of each step."""

from typing import Any, Final

from aiohttp import web

from activitypub.errors import DocumentError
from activitypub.json_bytes import dumps, loads
from activitypub.origins import host_of
from activitypub.signatures import Dialect
from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid, NotFound, Refused, Unavailable
from fedserver.outgoing import Limits
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement
from fedserver.routing import Reply, endpoint
from fedserver.services import signing
from fedserver.services.instance_recovery import current_recovery, statement_key
from fedserver.survival.mirrors.partners import (
    PATH,
    actor_at,
    address_of,
    keys_of,
    signing_instance,
)
from fedserver.survival.mirrors.target import accepted
from fedserver.survival.mirrors.terms import (
    ACCEPTANCE,
    END,
    MIN_RETENTION_DAYS,
    Terms,
    checked_classes,
    read_terms,
    recovery_of,
)
from fedserver.uris import Uris
from storage.mirrors import (
    AGREE,
    CONTRACT_WITH,
    CONTRACTS,
    END_CONTRACT,
    OPEN_OFFERS,
    PUT_OFFER,
    ContractRow,
)

Json = dict[str, Any]

MAX_OPEN_OFFERS: Final = 50
_MAX_BYTES: Final = 32_768
_LIMITS: Final = Limits(total_s=30, max_bytes=_MAX_BYTES)


# What our admin says.


async def contracts(ctx: Context) -> list[ContractRow]:
    """Give every contract and offer, by host."""
    return await ctx.db.fetch(CONTRACTS)


async def offer(
    ctx: Context, host: str, *, kept_bytes: int, given_bytes: int, classes: list[str]
) -> ContractRow:
    """Offer the instance `host` to keep `kept_bytes` for it, and ask for `given_bytes` there.

    Raises Invalid for terms that make no sense, Refused where it has made an offer that waits for
    us, Unreachable or Denied where it does not take them.
    """
    address = address_of(ctx, host)
    terms = Terms(
        offerer=_own_actor(ctx),
        accepter=actor_at(address),
        kept_bytes=kept_bytes,
        given_bytes=given_bytes,
        classes=checked_classes(classes),
        retention_days=MIN_RETENTION_DAYS,
        recovery_did=await _own_recovery(ctx),
    )
    if terms.accepter == terms.offerer:
        raise Invalid("An instance cannot be its own mirror: name another one")
    known = await ctx.db.one(CONTRACT_WITH, host_of(address))
    if known is not None and known.offer is not None and not known.offered_by_us:
        raise Refused(
            f"{known.host} has made an offer itself: accept it, or decline it with"
            f" `fedserver mirror end {known.host}` first"
        )
    signed = await _signed(ctx, terms.statement())
    read_terms(signed)
    # First here: the other may accept as soon as it has it.
    await _store_offer(ctx, host_of(address), terms.accepter, signed, ours=True)
    await _say(ctx, address, "/offers", signed)
    return await _contract(ctx, host_of(address))


async def accept(ctx: Context, host: str) -> ContractRow:
    """Accept what the instance `host` offered. It is in force as soon as the other has heard so.

    Raises NotFound where nothing was offered, Unreachable or Denied where it cannot be told.
    """
    address = address_of(ctx, host)
    contract = await _contract(ctx, host_of(address))
    if contract.offer is None or contract.offered_by_us:
        raise NotFound(f"There is no offer of {contract.host}: `fedserver mirror list` shows them")
    said = {
        "type": ACCEPTANCE,
        "offer": contract.offer,
        "recovery": await _own_recovery(ctx),
    }
    agreement = await _signed(ctx, said)
    await _say(ctx, address, "/acceptances", agreement)
    await _agree(ctx, contract.host, agreement)
    return await _contract(ctx, contract.host)


async def end(ctx: Context, host: str) -> ContractRow:
    """End what was agreed with `host`, or decline its offer.

    What either keeps stays readable for the days that were agreed on. It is ended here also where
    the other cannot be told. Raises NotFound, Unreachable, Denied.
    """
    address = address_of(ctx, host)
    contract = await _contract(ctx, host_of(address))
    await ctx.db.execute(END_CONTRACT, contract.host, ctx.clock.now())
    said = {"type": END, "by": _own_actor(ctx), "with": contract.actor_uri}
    await _say(ctx, address, "/endings", await _signed(ctx, said))
    return await _contract(ctx, contract.host)


async def _say(ctx: Context, address: str, path: str, statement: Json) -> None:
    url, key = f"{address}{PATH}{path}", await signing.instance_key(ctx)
    response = await ctx.out.request(
        "POST",
        url,
        headers={"Content-Type": "application/json"},
        body=dumps(statement),
        limits=_LIMITS,
        signer=signing.signer(ctx, key, Dialect.CAVAGE),
        repeatable=True,
    )
    accepted(url, response)


# What the other side says.


@endpoint("POST", f"{PATH}/offers", rate="none")
async def take_offer(ctx: Context, request: web.Request) -> Reply:
    """Take an offer of another instance, for our admin to look at. 202."""
    actor, statement = await _heard(ctx, request)
    terms = read_terms(statement)
    if terms.offerer != actor or terms.accepter != _own_actor(ctx):
        raise Invalid("The offer is of somebody else, or to somebody else")
    await _check(ctx, statement, actor)
    host = host_of(actor)
    known = await ctx.db.one(CONTRACT_WITH, host)
    if known is None and (await ctx.db.value(OPEN_OFFERS) or 0) >= MAX_OPEN_OFFERS:
        raise Unavailable("There are too many offers here that nobody has looked at yet")
    if known is not None and _goes_on_with_ours(known, terms):
        return Reply({}, status=202)
    await _store_offer(ctx, host, actor, statement, ours=False)
    return Reply({}, status=202)


def _goes_on_with_ours(known: ContractRow, theirs: Terms) -> bool:
    """Of two offers that crossed each other both sides choose the same one."""
    waits = known.offer is not None and known.offered_by_us
    return waits and theirs.accepter < theirs.offerer


@endpoint("POST", f"{PATH}/acceptances", rate="none")
async def take_acceptance(ctx: Context, request: web.Request) -> Reply:
    """Take the acceptance of an offer of ours. From then on it is in force; again is nothing."""
    actor, statement = await _heard(ctx, request)
    contract = await _contract(ctx, host_of(actor))
    offered = statement.get("offer")
    if statement.get("type") != ACCEPTANCE or not isinstance(offered, dict):
        raise Invalid("That is no acceptance of an offer")
    await _check(ctx, statement, actor)
    if contract.agreement is not None and contract.agreement.get("offer") == offered:
        return Reply({})
    if contract.offer != offered or not contract.offered_by_us or contract.actor_uri != actor:
        raise Forbidden("This server does not offer that any more: its admin can offer anew")
    await _agree(ctx, contract.host, statement)
    return Reply({})


@endpoint("POST", f"{PATH}/endings", rate="none")
async def take_ending(ctx: Context, request: web.Request) -> Reply:
    """Hear that the other side ends the contract."""
    actor, statement = await _heard(ctx, request)
    if (statement.get("type"), statement.get("by"), statement.get("with")) != (
        END,
        actor,
        _own_actor(ctx),
    ):
        raise Invalid("That does not end a contract with this server")
    await _check(ctx, statement, actor)
    contract = await _contract(ctx, host_of(actor))
    await ctx.db.execute(END_CONTRACT, contract.host, ctx.clock.now())
    return Reply({})


async def _heard(ctx: Context, request: web.Request) -> tuple[str, Json]:
    """Give the instance that signed a request, and the statement in its body."""
    if (request.content_length or _MAX_BYTES + 1) > _MAX_BYTES:
        raise Invalid(f"A statement has at most {_MAX_BYTES} bytes, and says how many")
    body = await request.read()
    actor = await signing_instance(ctx, request, body)
    if actor != actor_at(address_of(ctx, host_of(actor))):
        raise Forbidden("Only the actor of an instance speaks for it")
    try:
        return actor, loads(body, max_bytes=_MAX_BYTES)
    except DocumentError as error:
        raise Invalid(f"The statement is no JSON that we can read: {error.reason}") from None


async def _check(ctx: Context, statement: Json, actor: str) -> None:
    try:
        trusted = await keys_of(ctx, actor)
        check_statement(statement, trusted=trusted, now=ctx.clock.now())
    except NotVouchedFor as error:
        raise Forbidden(f"The statement is not signed by that instance: {error}") from None


# Both.


def _own_actor(ctx: Context) -> str:
    return Uris(ctx.config.base_url).instance_actor


async def _own_recovery(ctx: Context) -> str | None:
    row = await current_recovery(ctx)
    return None if row is None else row.did


async def _signed(ctx: Context, statement: Json) -> Json:
    return sign_statement(statement, by=await statement_key(ctx), now=ctx.clock.now())


async def _store_offer(ctx: Context, host: str, actor: str, signed: Json, *, ours: bool) -> None:
    state = "offered" if ours else "asked"
    now = ctx.clock.now()
    await ctx.db.execute(PUT_OFFER, ctx.ids.new(), host, actor, state, signed, ours, now)


async def _contract(ctx: Context, host: str) -> ContractRow:
    contract = await ctx.db.one(CONTRACT_WITH, host)
    if contract is None:
        raise NotFound(f"There is no contract with {host}, and no offer")
    return contract


async def _agree(ctx: Context, host: str, agreement: Json) -> None:
    offered: Json = agreement["offer"]
    terms = read_terms(offered)
    ours = terms.offerer == _own_actor(ctx)
    kept, given = terms.kept_bytes, terms.given_bytes
    await ctx.db.execute(
        AGREE,
        host,
        agreement,
        kept if ours else given,
        given if ours else kept,
        list(terms.classes),
        terms.retention_days,
        recovery_of(agreement if ours else offered),
        ctx.clock.now(),
    )
