"""A person's recovery key: set, replaced or removed, and shown to peers.

We are given the public half only, with a proof that the person holds the other. What the old key
signs is done at once; what it did not sign waits for 72 hours, and the person can call it off, so
that neither a thief of the session nor the operator takes an identity away unnoticed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from activitypub.keys import parse_did_key, public_key_to_pem
from fedserver.context import Context
from fedserver.effects.performing import perform_in
from fedserver.effects.update import UpdateActor
from fedserver.errors import Invalid, NotFound
from fedserver.events import KITS, NOTIFY
from fedserver.recovery.identity import (
    ROTATION,
    check_identity,
    check_removal,
    check_rotation,
)
from fedserver.recovery.keys import RecoveryPublic
from fedserver.recovery.statements import NotVouchedFor
from fedserver.services.mails import mail_changed
from fedserver.services.recovery_pins import PERSONS_WORD
from fedserver.uris import Uris, recovery_key
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Database, Transaction
from storage.kits import DELETE_KIT, SEAL_KIT_ANEW
from storage.recovery_keys import (
    ASK_RECOVERY_CHANGE,
    DELETE_RECOVERY_KEY,
    DROP_RECOVERY_CHANGE,
    DUE_RECOVERY_CHANGES,
    PUT_RECOVERY_KEY,
    RECOVERY_CHANGE,
    RECOVERY_KEY,
    TAKE_RECOVERY_CHANGE,
    RecoveryChangeRow,
    RecoveryKeyRow,
)
from storage.users import USER_BY_ID

Json = Mapping[str, Any]

_MAX_ROTATIONS: Final = 4
_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Offered:
    """A new key: its public half, and the person's statement that it is theirs (FEP-c390)."""

    public: RecoveryPublic
    statement: Json


@dataclass(frozen=True, slots=True)
class Recovery:
    """What is known of somebody's recovery key: the key, and the change that waits."""

    key: RecoveryPublic | None
    since: str
    waiting: RecoveryChangeRow | None


@dataclass(frozen=True, kw_only=True)
class ShowRecoveryKey(UpdateActor):
    """Put the key into the actor, or take it out; tell the followers. The kit follows the key."""

    offered: Offered | None
    statements: tuple[Json, ...] = ()

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        await tx.execute(DROP_RECOVERY_CHANGE, self.actor.id)
        if self.offered is None:
            await tx.execute(DELETE_KIT, self.actor.id)
            return bool(await tx.execute(DELETE_RECOVERY_KEY, self.actor.id))
        await tx.execute(SEAL_KIT_ANEW, self.actor.id, ctx.clock.now())
        await tx.execute(NOTIFY, KITS, "")
        public = self.offered.public
        await tx.execute(
            PUT_RECOVERY_KEY,
            recovery_key(self.actor.uri),
            self.actor.id,
            self.actor.uri,
            public_key_to_pem(parse_did_key(public.did)),
            public.recipient,
            [dict(one) for one in self.statements],
            ctx.clock.now(),
        )
        return True


async def public_key(db: Database | Transaction, account_id: int) -> RecoveryPublic | None:
    """Give the public half of somebody's recovery key."""
    row = await db.one(RECOVERY_KEY, account_id)
    return None if row is None else _public(row)


def _public(row: RecoveryKeyRow) -> RecoveryPublic:
    return RecoveryPublic(str(row.statements[0]["subject"]), row.recipient)


async def recovery_of(ctx: Context, account_id: int) -> Recovery:
    """Give what is known of somebody's recovery key."""
    row = await ctx.db.one(RECOVERY_KEY, account_id)
    waiting = await ctx.db.one(RECOVERY_CHANGE, account_id)
    if row is None:
        return Recovery(None, "", waiting)
    return Recovery(_public(row), row.created_at.date().isoformat(), waiting)


async def offer(
    ctx: Context, account_id: int, offered: Offered, *, rotation: Json | None = None
) -> bool:
    """Take a key. The first is taken at once, as is one that the old key signed (`rotation`).

    False: it waits for 72 hours. Raises Invalid for a key that nobody proves to hold.
    """
    person = await _person(ctx, account_id)
    _require_possession(ctx, person, offered)
    row = await ctx.db.one(RECOVERY_KEY, account_id)
    if row is None:
        await _show(ctx, person, offered, (offered.statement,))
        return True
    if _public(row).did == offered.public.did:
        raise Invalid("This is the recovery key that you have already")
    if rotation is None:
        await _wait(ctx, person, offered)
        return False
    _require_rotation(ctx, person, _public(row).did, offered, rotation)
    await _show(ctx, person, offered, (offered.statement, *_log(row, rotation)))
    return True


async def remove(ctx: Context, account_id: int, *, removal: Json | None = None) -> bool:
    """Take the key away: at once if it says so itself (`removal`). False: after 72 hours.

    Raises NotFound without a key, Invalid for a statement that it did not make.
    """
    person = await _person(ctx, account_id)
    row = await ctx.db.one(RECOVERY_KEY, account_id)
    if row is None:
        raise NotFound("There is no recovery key")
    if removal is None:
        await _wait(ctx, person, None)
        return False
    try:
        by = check_removal(removal, person.uri, ctx.clock.now())
    except NotVouchedFor as error:
        raise Invalid(f"The removal does not count: {error}") from error
    if by != _public(row).did:
        raise Invalid("The removal does not count: it is signed by another key")
    await _show(ctx, person, None, ())
    return True


async def call_off(ctx: Context, account_id: int) -> None:
    """Call the change that waits off. Raises NotFound where none does."""
    if not await ctx.db.execute(DROP_RECOVERY_CHANGE, account_id):
        raise NotFound("No change of the recovery key waits")


async def make_due_changes(ctx: Context) -> int:
    """Make the changes whose time has come; give how many."""
    rows = await ctx.db.fetch(DUE_RECOVERY_CHANGES, ctx.clock.now(), _BATCH)
    for row in rows:
        await _make(ctx, row)
    return len(rows)


async def _make(ctx: Context, row: RecoveryChangeRow) -> None:
    person = await ctx.db.one(ACCOUNT_BY_ID, row.account_id)
    offered = None
    if row.did is not None and row.recipient is not None and row.statement is not None:
        offered = Offered(RecoveryPublic(row.did, row.recipient), row.statement)
    statements = () if offered is None else (offered.statement,)
    async with ctx.db.transaction() as tx:
        if not await tx.execute(TAKE_RECOVERY_CHANGE, row.account_id, row.due_at):
            return  # it was called off, or another process makes it
        if person is not None and not person.gone:
            await perform_in(ctx, tx, _act(ctx, person, offered, statements))


def _require_possession(ctx: Context, person: AccountRow, offered: Offered) -> None:
    try:
        did = check_identity(offered.statement, person.uri, ctx.clock.now())
    except NotVouchedFor as error:
        raise Invalid(f"The statement of the recovery key does not count: {error}") from error
    if did != offered.public.did:
        raise Invalid("The statement of the recovery key does not count: it is of another key")


def _require_rotation(
    ctx: Context, person: AccountRow, old_did: str, offered: Offered, rotation: Json
) -> None:
    try:
        old, new = check_rotation(rotation, person.uri, ctx.clock.now())
    except NotVouchedFor as error:
        raise Invalid(f"The word of the old key does not count: {error}") from error
    if (old, new) != (old_did, offered.public.did):
        raise Invalid("The word of the old key does not count: it is about other keys")


def _log(row: RecoveryKeyRow, rotation: Json) -> list[Json]:
    """The newest rotations: who knows any of these keys finds the one of today."""
    before = [one for one in row.statements if one.get("type") == ROTATION]
    return [*before, rotation][-_MAX_ROTATIONS:]


async def _wait(ctx: Context, person: AccountRow, offered: Offered | None) -> None:
    now = ctx.clock.now()
    what = "is to be replaced" if offered else "is to be removed"
    async with ctx.db.transaction() as tx:
        await tx.execute(
            ASK_RECOVERY_CHANGE,
            person.id,
            offered.public.did if offered else None,
            offered.public.recipient if offered else None,
            dict(offered.statement) if offered else None,
            now,
            now + PERSONS_WORD,
        )
        page = f"{ctx.config.base_url}/auth/recovery"
        await _tell(ctx, tx, person, f"the recovery key {what} in 72 hours; call it off at {page}")


async def _show(
    ctx: Context, person: AccountRow, offered: Offered | None, statements: tuple[Json, ...]
) -> None:
    what = "a recovery key is in use now" if offered else "the recovery key was removed"
    async with ctx.db.transaction() as tx:
        await perform_in(ctx, tx, _act(ctx, person, offered, statements))
        await _tell(ctx, tx, person, what)


async def _tell(ctx: Context, tx: Transaction, person: AccountRow, what: str) -> None:
    user = await tx.one(USER_BY_ID, person.id)
    if user is not None:
        await mail_changed(ctx, tx, user.email, user.username, what)


def _act(
    ctx: Context, person: AccountRow, offered: Offered | None, statements: tuple[Json, ...]
) -> ShowRecoveryKey:
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return ShowRecoveryKey(actor=person, uri=uri, offered=offered, statements=statements)


async def _person(ctx: Context, account_id: int) -> AccountRow:
    row = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if row is None or not row.local or row.gone:
        raise NotFound("Record not found")
    return row
