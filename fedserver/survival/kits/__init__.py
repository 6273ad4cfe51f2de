"""A person's own kit: everything that brings them back when their server is lost or hostile."""

from fedserver.survival.kits.worker import keep_kits_fresh

WORKERS = (keep_kits_fresh,)

__all__ = ["WORKERS"]
