"""A person's own kit: everything that brings them back when their server is lost or hostile."""

from fedserver.survival.kits.behind import bring_by_page, bring_the_rest
from fedserver.survival.kits.worker import keep_kits_fresh

WORKERS = (keep_kits_fresh, bring_the_rest)

__all__ = ["WORKERS", "bring_by_page"]
