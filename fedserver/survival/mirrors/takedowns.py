"""What this mirror does not give out, whoever keeps it here: an object, a person, or a host."""

from activitypub.errors import DocumentError
from activitypub.origins import host_of, is_web_url
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from storage.mirrored import FORGET_TAKEN_DOWN, PUT_BACK, TAKE_DOWN, TAKEDOWNS, TakedownRow


async def take_down(ctx: Context, subject: str, reason: str) -> str:
    """Forget the object or all of the person with the URI `subject`, or everything of the host, and
    keep nothing of it again. Gives the subject as it is kept; raises Invalid."""
    named = _subject(subject)
    async with ctx.db.transaction() as tx:
        await tx.execute(TAKE_DOWN, named, reason, ctx.clock.now())
        await tx.execute(FORGET_TAKEN_DOWN, named)
    return named


async def put_back(ctx: Context, subject: str) -> str:
    """Let it be kept again when it is brought anew. Raises NotFound where it was not taken down."""
    named = _subject(subject)
    if not await ctx.db.execute(PUT_BACK, named):
        raise NotFound(f"{named} is not taken down here")
    return named


async def takedowns(ctx: Context) -> list[TakedownRow]:
    """Give all of them, the oldest first."""
    return await ctx.db.fetch(TAKEDOWNS)


def _subject(subject: str) -> str:
    if is_web_url(subject):
        return subject
    try:
        return host_of(f"https://{subject.strip()}")
    except DocumentError:
        raise Invalid(f"“{subject}” is neither the address of an object nor a host") from None
