"""Getting a kit back from a mirror, with nothing but the words."""

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.recovery.keys import RecoveryKey
from fedserver.survival.kits.making import PREFIX
from fedserver.survival.mirrors.partners import address_of
from fedserver.survival.mirrors.target import AsOwner, MirrorTarget


async def newest_kit(ctx: Context, host: str, key: RecoveryKey) -> tuple[str, bytes]:
    """Give the newest kit that the mirror `host` keeps for the holder of `key`: name and content.

    Raises NotFound where there is none, Unreachable or Denied as the mirror says.
    """
    credentials = AsOwner(key.signing, ctx.clock)
    mirror = MirrorTarget(ctx.out, address_of(ctx, host), credentials)
    # Also what the old server has told it to delete: a mirror keeps that for some days.
    kept = [one.name for one in await mirror.entries(f"{PREFIX}/")]
    if not kept:
        raise NotFound(f"{host} keeps no kit for this recovery key")
    newest = max(kept, key=lambda name: name.rpartition("/")[2])
    return newest, await mirror.get(newest)
