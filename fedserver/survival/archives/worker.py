"""What the clock calls: archives that people asked for, and those that they brought."""

from typing import Final

from fedserver.context import Context
from fedserver.events import ARCHIVES
from fedserver.services.work_loop import Work, work_always
from fedserver.survival.archives.importing import bring_due_archive
from fedserver.survival.archives.making import make_due_archive
from storage.archives import NEXT_ARCHIVE_AT, NEXT_ARCHIVE_IMPORT_AT

_SWEEP_S: Final = 600.0


async def make_archives_always(ctx: Context) -> None:
    """Make archives and remove old ones until cancelled."""
    await work_always(
        ctx, Work("archives", make_due_archive, ARCHIVES, NEXT_ARCHIVE_AT, sweep_s=_SWEEP_S)
    )


async def bring_archives_always(ctx: Context) -> None:
    """Bring in what people uploaded until cancelled."""
    work = Work(
        "archives brought in", bring_due_archive, ARCHIVES, NEXT_ARCHIVE_IMPORT_AT, sweep_s=_SWEEP_S
    )
    await work_always(ctx, work)
