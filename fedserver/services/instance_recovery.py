"""The instance's recovery key: words on paper that open the vault and say who the successor is."""

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.keys import did_key, load_public_key
from fedserver.context import Context
from fedserver.errors import NotFound, Refused
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import sign_statement
from fedserver.services.new_accounts import ensure_instance_actor
from fedserver.services.signing import own_key
from fedserver.uris import Uris
from storage.accounts import KEYS_OF_IDENTITY
from storage.instance_recovery import (
    INSERT_INSTANCE_RECOVERY,
    INSTANCE_RECOVERY,
    RETIRE_INSTANCE_RECOVERY,
    SET_AUTHORIZATION,
    InstanceRecoveryRow,
)

AUTHORIZATION: Final = "InstanceKeyAuthorization"
ROTATION: Final = "RecoveryKeyRotation"


async def current_recovery(ctx: Context) -> InstanceRecoveryRow | None:
    """Give the public half of the instance's recovery key, if there is one."""
    return await ctx.db.one(INSTANCE_RECOVERY)


async def statement_key(ctx: Context) -> Ed25519PrivateKey:
    """Give the key that the running instance signs statements with: its actor's Ed25519 key.

    Raises NotFound where the instance actor has none.
    """
    account = await ensure_instance_actor(ctx)
    key = await own_key(ctx, ctx.db, account.id, "ed25519")
    if key is None or not isinstance(key.private_key, Ed25519PrivateKey):
        raise NotFound("the instance actor has no Ed25519 key")
    return key.private_key


async def adopt_recovery_key(
    ctx: Context, key: RecoveryKey, *, former: RecoveryKey | None = None, lost: bool = False
) -> InstanceRecoveryRow:
    """Make `key` the instance's recovery key; only its public half is stored.

    Where there is one already, `former` has to be that one: it vouches for the new one, so that
    peers who know it follow. `lost` goes on without. Raises Refused otherwise.
    """
    now = ctx.clock.now()
    before = await current_recovery(ctx)
    rotation = None if before is None else _rotation(ctx, before, key, former, lost)
    signs = (await statement_key(ctx)).public_key()
    authorization = _authorization(ctx, ctx.config.base_url, did_key(signs), key)
    public = key.public
    async with ctx.db.transaction() as tx:
        await tx.execute(RETIRE_INSTANCE_RECOVERY, now)
        await tx.execute(
            INSERT_INSTANCE_RECOVERY, public.did, public.recipient, authorization, rotation, now
        )
    return InstanceRecoveryRow(public.did, public.recipient, authorization, rotation, now)


async def authorize_at(ctx: Context, base: str, key: RecoveryKey) -> None:
    """Let the recovery key vouch for the key that the instance signs with at `base`, where it goes
    on. Raises NotFound where there is none."""
    for row in await ctx.db.fetch(KEYS_OF_IDENTITY, Uris(base).instance_actor):
        if row.kind == "ed25519":
            public = load_public_key(row.public_key)
            signed = _authorization(ctx, base, did_key(public), key)
            await ctx.db.execute(SET_AUTHORIZATION, key.public.did, signed)
            return
    raise NotFound(f"the instance has no key at {base}")


def _authorization(ctx: Context, base: str, signs: str, key: RecoveryKey) -> dict[str, Any]:
    said = {"type": AUTHORIZATION, "instance": base, "key": signs}
    return sign_statement(said, by=key.signing, now=ctx.clock.now())


def _rotation(
    ctx: Context,
    before: InstanceRecoveryRow,
    key: RecoveryKey,
    former: RecoveryKey | None,
    lost: bool,
) -> dict[str, Any] | None:
    if former is None and lost:
        return None
    if former is None or former.public.did != before.did:
        raise Refused(
            "This instance has a recovery key already, and these are not its words. Replace it with"
            " --replace and its 24 words, or with --former-is-lost if nobody has them any more."
        )
    if key.public.did == before.did:
        raise Refused("This is the recovery key that the instance has already.")
    statement = {"type": ROTATION, "from": before.did, "to": key.public.did}
    return sign_statement(statement, by=former.signing, now=ctx.clock.now())
