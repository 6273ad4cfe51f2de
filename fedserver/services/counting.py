"""Counting what must not be tried too often: sign-ins, mails, codes."""

from fedserver.context import Context
from fedserver.errors import RateLimited
from fedserver.rate_limits import Rule


def count(ctx: Context, rule: Rule, key: str) -> None:
    """Count one try of `key`. Raises RateLimited where `rule` allows no more of them now."""
    verdict = ctx.rate_limiter.check(rule, key)
    if not verdict.allowed:
        raise RateLimited(
            "There were too many tries. Please wait a while.",
            retry_after_s=(verdict.reset_at - ctx.clock.now()).total_seconds(),
        )
