"""Which domains we deal with: the admin's rules, held in memory by each process.

They are asked at every request, so they are not read from the database then; a signal brings the
changes (`workers.domain_watch`).
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from storage.database import Database
from storage.domains import DOMAIN_RULES
from storage.evacuations import FORMER_BASES

Mode = Literal["open", "allow_list"]


class DomainRules:
    """The rules as they were last read. The longest domain that a host is under decides."""

    def __init__(self, mode: Mode, own_domain: str) -> None:
        self._mode = mode
        self._own = own_domain
        self._severities: Mapping[str, str] = {}
        self._former: frozenset[str] = frozenset()

    async def load(self, db: Database) -> None:
        """Read the rules anew."""
        self._severities = {row.domain: row.severity for row in await db.fetch(DOMAIN_RULES)}
        self._former = frozenset(base.partition("://")[2] for base in await db.values(FORMER_BASES))

    def with_former(self, host: str) -> "DomainRules":
        """Give the same rules, as if this instance had been at `host` before."""
        rules = DomainRules(self._mode, self._own)
        rules._severities, rules._former = self._severities, self._former | {host}
        return rules

    def is_former(self, host: str) -> bool:
        """Whether this instance was at `host` before. Whoever is there now is not heard, and not
        asked: it may have been seized."""
        return bool(self._former) and host.lower() in self._former

    def today(self, uri: str, base: str) -> str:
        """Give the form that an id of ours from a former domain has at `base`; others as they
        are."""
        scheme, _, rest = uri.partition("://")
        host, slash, path = rest.partition("/")
        return f"{base}/{path}" if scheme and slash and self.is_former(host) else uri

    @property
    def has_moved(self) -> bool:
        """Whether this instance ever was under another domain."""
        return bool(self._former)

    def is_blocked(self, host: str) -> bool:
        """Whether nothing may go to or come from `host` ("name" or "name:port")."""
        if self.is_former(host):
            return True
        return bool(self._severities) and self._severity(host) == "block"

    def refuses(self, host: str) -> bool:
        """Whether we do not federate with `host`: it is blocked or, where only the allowed are
        dealt with, it is not one of those."""
        if self._mode == "open" or self.is_former(host):
            return self.is_blocked(host)
        return host.lower() != self._own and self._severity(host) != "allow"

    def _severity(self, host: str) -> str | None:
        found = (self._severities.get(name) for name in _domains_above(host.lower()))
        return next((severity for severity in found if severity is not None), None)


def _domains_above(host: str) -> Iterator[str]:
    """Give the names whose rules count for `host`, the longest first, each with and without the
    port; as the SQL function of the same name does."""
    name, _, port = host.partition(":")
    labels = name.rstrip(".").split(".")
    for place in range(len(labels)):
        domain = ".".join(labels[place:])
        if port:
            yield f"{domain}:{port}"
        yield domain
