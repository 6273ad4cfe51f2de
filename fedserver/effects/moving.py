"""One of our people moves away, or says who they were before: what a person asks for, checked."""

from dataclasses import dataclass

from fedserver.context import Context
from fedserver.effects.move import Move
from fedserver.effects.named import handle_of, named_account
from fedserver.effects.performing import perform_in
from fedserver.effects.update import UpdateActor
from fedserver.errors import Invalid, NotFound, Refused
from fedserver.services import resolve
from fedserver.uris import Uris
from storage.accounts import LOCAL_ACCOUNT_BY_NAME, AccountRow
from storage.database import Transaction
from storage.moves import REMOVE_SIGNPOST, SET_ALIASES

MAX_ALIASES = 10


@dataclass(frozen=True, kw_only=True)
class ChangeAliases(UpdateActor):
    """Say which accounts the actor is known as, too (`alsoKnownAs`)."""

    also_known_as: tuple[str, ...]

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(SET_ALIASES, self.actor.id, list(self.also_known_as)))


@dataclass(frozen=True, kw_only=True)
class StayHere(UpdateActor):
    """Take the signpost to a new account away; who went there does not come back by it."""

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(REMOVE_SIGNPOST, self.actor.id))


async def aliases(ctx: Context, username: str) -> list[str]:
    """Give the ids that `username` is known as, too. Raises NotFound for nobody of ours."""
    return (await _person(ctx, username)).also_known_as


async def add_alias(ctx: Context, username: str, named: str) -> str:
    """Let `username` be known as the account `named` (handle or URI), too; give its id.

    That account can then move here. Raises NotFound, Invalid, or Unreachable.
    """
    person = await _person(ctx, username)
    alias = await named_account(ctx, named)
    if alias.id == person.id:
        raise Invalid("An account is no alias of itself")
    if alias.uri not in person.also_known_as and len(person.also_known_as) >= MAX_ALIASES:
        raise Invalid(f"An account has at most {MAX_ALIASES} aliases: remove one first")
    kept = tuple(dict.fromkeys([*person.also_known_as, alias.uri]))
    await _change(ctx, person, kept)
    return alias.uri


async def remove_alias(ctx: Context, username: str, named: str) -> str:
    """Take the alias `named` (handle or URI) away; give its id. Its server need not answer."""
    person = await _person(ctx, username)
    alias = named if named in person.also_known_as else await _known_uri(ctx, named)
    if alias not in person.also_known_as:
        raise NotFound(f"{named} is no alias of {username}")
    await _change(ctx, person, tuple(one for one in person.also_known_as if one != alias))
    return alias


async def move_out(ctx: Context, username: str, named: str) -> AccountRow:
    """Move `username` to the account `named` (handle or URI) elsewhere; give that account.

    Its followers are told, and follow there; here it posts and follows no more. Raises Invalid
    with what to do first, NotFound, or Unreachable.
    """
    person = await _person(ctx, username)
    target = await named_account(ctx, named, anew=True)
    uris = Uris(ctx.config.base_url)
    # The number of the Update comes first: peers see `movedTo` when the Move arrives.
    update = UpdateActor(actor=person, uri=uris.activity(ctx.ids.new()))
    move = Move(actor=person, uri=uris.activity(ctx.ids.new()), target=target)
    try:
        async with ctx.db.transaction() as tx:
            if not await perform_in(ctx, tx, move):
                raise Invalid(f"{username} has moved to {target.uri} already")
            await perform_in(ctx, tx, update)
    except Refused as refused:
        raise Invalid(_advice(person, target, refused.reason)) from refused
    return target


def _advice(person: AccountRow, target: AccountRow, reason: str) -> str:
    if person.uri not in target.also_known_as:
        return (
            f"{target.uri} does not name {person.uri} as its alias: sign in there, add that "
            "alias (also known as), and try again"
        )
    return f"{person.username} cannot move to {target.uri}: {reason}"


async def stay(ctx: Context, username: str) -> None:
    """End the redirection of `username`. Raises NotFound, or Invalid where there is none."""
    person = await _person(ctx, username)
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    async with ctx.db.transaction() as tx:
        if not await perform_in(ctx, tx, StayHere(actor=person, uri=uri)):
            raise Invalid(f"{username} has not moved")


async def _change(ctx: Context, person: AccountRow, also_known_as: tuple[str, ...]) -> None:
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    act = ChangeAliases(actor=person, uri=uri, also_known_as=also_known_as)
    async with ctx.db.transaction() as tx:
        await perform_in(ctx, tx, act)


async def _person(ctx: Context, username: str) -> AccountRow:
    row = await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, username.strip().removeprefix("@"))
    if row is None or row.gone:
        raise NotFound(f"There is no user {username}")
    return row


async def _known_uri(ctx: Context, named: str) -> str:
    if "://" in named:
        return named
    handle = handle_of(named)
    row = await resolve.known_by_handle(ctx, handle.username, handle.domain)
    return row.uri if row else named
