"""How often somebody may ask: fixed windows, counted in this process.

The numbers are Mastodon's (config/initializers/rack_attack.rb), because clients pace
themselves by them. Each process counts for itself; with several processes the true limit
is the sum. The table is bounded: a flood of new keys pushes out the oldest windows of the
same rule, never those of another.
"""

import ipaddress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fedserver.clock import Clock

MAX_KEYS_PER_RULE = 20_000
_IPV6_HOME_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` requests per key in each window of `period_s`."""

    name: str
    limit: int
    period_s: int


API_PER_ACCOUNT = Rule("api_account", 1_500, 300)
API_PER_TOKEN = Rule("api_token", 300, 300)
API_PER_ADDRESS = Rule("api_address", 300, 300)
MEDIA_UPLOADS = Rule("media", 30, 1_800)
DELETES = Rule("deletes", 30, 1_800)
APP_REGISTRATIONS = Rule("apps", 5, 600)
SIGN_UPS = Rule("sign_ups", 5, 1_800)
INTERACTIONS = Rule("interactions", 60, 300)
DEEP_PAGING = Rule("paging", 300, 900)
LOGINS_PER_ADDRESS = Rule("logins_address", 25, 300)
LOGINS_PER_ACCOUNT = Rule("logins_account", 25, 3_600)
PASSWORD_RESETS_PER_ADDRESS = Rule("resets_address", 25, 300)
PASSWORD_RESETS_PER_ACCOUNT = Rule("resets_account", 5, 1_800)
CONFIRMATION_MAILS_PER_ADDRESS = Rule("confirmations_address", 25, 300)
CONFIRMATION_MAILS_PER_ACCOUNT = Rule("confirmations_account", 5, 1_800)
SUBSCRIPTION_MAILS_PER_ADDRESS = Rule("subscriptions_address", 10, 1_800)
SUBSCRIPTION_MAILS_PER_RECEIVER = Rule("subscriptions_receiver", 5, 86_400)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says about one request; `remaining` are those left in this window."""

    limit: int
    remaining: int
    reset_at: datetime
    allowed: bool


@dataclass(slots=True)
class _Window:
    number: int
    count: int


class RateLimiter:
    """Counts requests by rule and key."""

    def __init__(
        self, clock: Clock, *, enabled: bool = True, max_keys_per_rule: int = MAX_KEYS_PER_RULE
    ) -> None:
        """Take the clock. With `enabled` off all requests are allowed and still counted."""
        self._clock = clock
        self._enabled = enabled
        self._max_keys = max_keys_per_rule
        self._windows: dict[str, dict[str, _Window]] = {}

    def check(self, rule: Rule, key: str) -> Verdict:
        """Count one request of `key` and say whether `rule` allows it."""
        verdict = self._verdict(rule, self._counted(rule, key))
        return verdict if self._enabled else replace(verdict, allowed=True)

    def peek(self, rule: Rule, key: str) -> Verdict:
        """Say, without counting, whether `rule` would allow one more request of `key`."""
        window = self._windows.get(rule.name, {}).get(key)
        count = window.count if window and window.number == self._number(rule) else 0
        verdict = self._verdict(rule, count)
        return replace(verdict, allowed=count < rule.limit or not self._enabled)

    def _verdict(self, rule: Rule, count: int) -> Verdict:
        ends_at_s = (self._number(rule) + 1) * rule.period_s
        return Verdict(
            limit=rule.limit,
            remaining=max(0, rule.limit - count),
            reset_at=datetime.fromtimestamp(ends_at_s, UTC),
            allowed=count <= rule.limit,
        )

    def _number(self, rule: Rule) -> int:
        return int(self._clock.now().timestamp()) // rule.period_s

    def _counted(self, rule: Rule, key: str) -> int:
        windows = self._windows.setdefault(rule.name, {})
        number = self._number(rule)
        window = windows.get(key)
        if window is None or window.number != number:
            # Taken out first, so that the order of the dictionary is the order of windows.
            windows.pop(key, None)
            window = windows[key] = _Window(number, 0)
            if len(windows) > self._max_keys:
                del windows[next(iter(windows))]
        window.count += 1
        return window.count


def address_key(address: str) -> str:
    """Return the key of a client's address: an IPv6 home (/64) counts as one client.

    What is no address is a key of its own.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    home = ipaddress.IPv6Network((parsed.packed, 128)).supernet(new_prefix=_IPV6_HOME_PREFIX)
    return str(home)


def headers(verdict: Verdict) -> dict[str, str]:
    """Return the headers of a reply. Reset is ISO 8601 with six decimals, never an epoch."""
    return {
        "X-RateLimit-Limit": str(verdict.limit),
        "X-RateLimit-Remaining": str(verdict.remaining),
        "X-RateLimit-Reset": verdict.reset_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
