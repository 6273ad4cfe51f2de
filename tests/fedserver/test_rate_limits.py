"""The fixed windows: counting, resetting, bounded memory, keys and headers."""

from datetime import UTC, datetime, timedelta

import pytest

from fedserver import rate_limits
from fedserver.clock import FixedClock
from fedserver.rate_limits import RateLimiter, Rule, address_key

RULE = Rule("test", limit=3, period_s=300)
START = datetime(2026, 11, 23, 10, 1, tzinfo=UTC)


def test_the_limit_is_reached_exactly_and_resets_with_the_window() -> None:
    clock = FixedClock(START)
    limiter = RateLimiter(clock)
    verdicts = [limiter.check(RULE, "alice") for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert verdicts[0].reset_at == datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
    clock.set(verdicts[0].reset_at - timedelta(microseconds=1))
    assert not limiter.check(RULE, "alice").allowed
    clock.set(verdicts[0].reset_at)
    assert limiter.check(RULE, "alice").remaining == 2


def test_keys_and_rules_do_not_share_a_count() -> None:
    limiter = RateLimiter(FixedClock(START))
    for _ in range(4):
        limiter.check(RULE, "alice")
    assert limiter.check(RULE, "bob").remaining == 2
    assert limiter.check(Rule("other", 3, 300), "alice").remaining == 2


def test_peeking_does_not_count() -> None:
    limiter = RateLimiter(FixedClock(START))
    assert limiter.peek(RULE, "alice").remaining == 3
    for _ in range(3):
        assert limiter.peek(RULE, "alice").allowed
        limiter.check(RULE, "alice")
    assert not limiter.peek(RULE, "alice").allowed


def test_switched_off_everything_is_allowed() -> None:
    limiter = RateLimiter(FixedClock(START), enabled=False)
    assert all(limiter.check(RULE, "alice").allowed for _ in range(10))
    assert limiter.peek(RULE, "alice").allowed


def test_memory_is_bounded_and_the_oldest_window_goes_first() -> None:
    limiter = RateLimiter(FixedClock(START), max_keys_per_rule=2)
    for key in ("old", "middle", "new"):
        limiter.check(RULE, key)
    assert limiter.peek(RULE, "old").remaining == 3
    assert limiter.peek(RULE, "middle").remaining == 2
    limiter.check(Rule("other", 3, 300), "flood")
    assert limiter.peek(RULE, "new").remaining == 2


@pytest.mark.parametrize(
    "rule",
    [value for value in vars(rate_limits).values() if isinstance(value, Rule)],
    ids=lambda rule: rule.name,
)
def test_every_rule_bites_when_it_is_crossed(rule: Rule) -> None:
    limiter = RateLimiter(FixedClock(START))
    assert all(limiter.check(rule, "key").allowed for _ in range(rule.limit))
    assert not limiter.check(rule, "key").allowed


def test_the_names_of_the_rules_differ() -> None:
    rules = [value for value in vars(rate_limits).values() if isinstance(value, Rule)]
    assert len({rule.name for rule in rules}) == len(rules)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "unknown"),
    ],
)
def test_one_home_is_one_key(address: str, key: str) -> None:
    assert address_key(address) == key


def test_the_headers_are_those_of_mastodon() -> None:
    verdict = RateLimiter(FixedClock(START)).check(RULE, "alice")
    assert rate_limits.headers(verdict) == {
        "X-RateLimit-Limit": "3",
        "X-RateLimit-Remaining": "2",
        "X-RateLimit-Reset": "2026-11-23T10:05:00.000000Z",
    }
