"""How many servers under one domain may become known at a time.

Names below a domain cost its owner nothing, so whoever makes new ones without end would escape
every limit that is counted by host (Mastodon: ProcessAccountService::SUBDOMAINS_RATELIMIT).
"""

import ipaddress
from datetime import timedelta

from fedserver.context import Context
from fedserver.errors import Refused
from storage.accounts import TOO_MANY_NEIGHBOURS

NEW_HOSTS_PER_DOMAIN = 10
WITHIN = timedelta(days=1)
# Under two letters of a country these are offices that give out names ("co.uk", "com.au"). One that
# is missing makes a country's group too large, which costs its newcomers a day.
_OFFICES = frozenset(
    """
    ac ad asn asso biz co com ed edu gen go gob gouv gov govt gr id info ltd me mil mobi name ne
    net nom or org plc pro sch sci school web
    """.split()
)


async def admit(ctx: Context, host: str) -> None:
    """Let somebody of `host` become known. Raises Refused where too many of its domain did."""
    domain = registrable_domain(host)
    if domain is None:
        return
    since = ctx.ids.at(ctx.clock.now() - WITHIN)
    if await ctx.db.value(TOO_MANY_NEIGHBOURS, host, since, f".{domain}", NEW_HOSTS_PER_DOMAIN):
        raise Refused(f"too many new servers under {domain}")


def registrable_domain(host: str) -> str | None:
    """Guess the part of a name that somebody registered; None for addresses and single labels."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    labels = name.split(".")
    if len(labels) < 2 or _is_address(name):
        return None
    office = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _OFFICES
    return ".".join(labels[-3:] if office else labels[-2:])


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
