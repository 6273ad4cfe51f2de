"""People's archives: asked for, downloaded, and those of other servers that are handed in."""

from datetime import timedelta
from typing import IO, Final

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.events import ARCHIVES, NOTIFY
from fedserver.services.keeping import keep
from storage.archives import (
    ARCHIVE_IMPORTS_OF,
    ARCHIVES_OF,
    ASK_FOR_ARCHIVE,
    INSERT_ARCHIVE_IMPORT,
    ArchiveImportRow,
    ArchiveRow,
)

# As Mastodon: making one takes work, and a week changes little.
EVERY: Final = timedelta(days=7)
KEPT_FOR: Final = timedelta(days=7)
SUFFIX: Final = ".tar"
_MAX_FORMER_CHARS: Final = 2_000


async def archives_of(ctx: Context, account_id: int) -> list[ArchiveRow]:
    """Give somebody's archives, the newest first."""
    return await ctx.db.fetch(ARCHIVES_OF, account_id)


async def ask_for_archive(ctx: Context, account_id: int) -> None:
    """Have somebody's archive made. Raises Invalid where one was made in the last seven days."""
    now = ctx.clock.now()
    if not await ctx.db.execute(ASK_FOR_ARCHIVE, ctx.ids.new(), account_id, now, now - EVERY):
        raise Invalid(f"Validation failed: An archive is made every {EVERY.days} days at most")
    await ctx.db.execute(NOTIFY, ARCHIVES, "")


async def open_archive_file(
    ctx: Context, account_id: int, archive_id: int
) -> tuple[IO[bytes], int]:
    """Give an archive as an open file, and its size. Raises NotFound where it is not there."""
    for row in await archives_of(ctx, account_id):
        if row.id == archive_id and row.blob is not None:
            try:
                return await ctx.blobs.open(row.blob), row.bytes
            except FileNotFoundError:
                break
    raise NotFound("Record not found")


async def archive_imports_of(ctx: Context, account_id: int) -> list[ArchiveImportRow]:
    """Give the archives that somebody handed in, the newest first."""
    return await ctx.db.fetch(ARCHIVE_IMPORTS_OF, account_id)


async def hand_in_archive(ctx: Context, account_id: int, file: IO[bytes], former: str) -> None:
    """Keep an archive of another server; it is brought in by a worker, also over a restart.

    Raises Invalid while another one is brought in.
    """
    file.seek(0)
    blob = await keep(ctx, file, suffix=SUFFIX)
    import_id, now = ctx.ids.new(), ctx.clock.now()
    stored = await ctx.db.execute(
        INSERT_ARCHIVE_IMPORT, import_id, account_id, blob, former[:_MAX_FORMER_CHARS], now
    )
    if not stored:
        raise Invalid("Validation failed: Another archive is not brought in yet")
    await ctx.db.execute(NOTIFY, ARCHIVES, "")
