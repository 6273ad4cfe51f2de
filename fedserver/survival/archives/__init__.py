"""Archives: all that a person wrote, as a file that other software reads, and those of others."""

from fedserver.survival.archives.worker import bring_archives_always, make_archives_always

WORKERS = (make_archives_always, bring_archives_always)

__all__ = ["WORKERS"]
