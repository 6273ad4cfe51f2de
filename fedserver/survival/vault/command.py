"""What `fedserver vault` does."""

import shutil

from fedserver.config import Config
from fedserver.recovery.keys import RecoveryKey
from fedserver.survival.vault.reading import Chest, Opener, Progress, copies_in
from fedserver.survival.vault.restoring import Restored, check_empty, restore_database
from fedserver.survival.vault.targets import open_targets


async def restore_here(
    config: Config, labels: tuple[str, ...], key: RecoveryKey, say: Progress
) -> Restored:
    """Restore the newest state at the targets into the data folder, which has to be empty.

    Raises CannotRestore, with what to do.
    """
    check_empty(config.data.folder)
    copies = config.data.folder / "restoring"
    chest = Chest(open_targets(config, labels), Opener.of(key), copies_in(copies))
    await chest.look()
    plan = await chest.newest_plan(say)
    restored = await restore_database(chest, plan, config.data.folder, say)
    shutil.rmtree(copies)
    return restored
