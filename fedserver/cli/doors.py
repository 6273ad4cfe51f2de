"""Examinations of the other ways: the proxy, and each alternate address of the instance."""

import asyncio
import json

from yarl import URL

from activitypub.onions import is_onion
from activitypub.origins import host_of
from activitypub.webfinger import ACTIVITY_TYPE
from fedserver.cli.findings import Finding, fail, ok, warn
from fedserver.clock import Clock
from fedserver.config import Config
from fedserver.errors import Unreachable
from fedserver.outgoing import Limits, Outgoing
from fedserver.outgoing.names import look_up
from fedserver.outgoing.proxy import configured_proxy, greet
from fedserver.uris import Uris

_LIMITS = Limits(total_s=15.0)
_GUIDE = "docs/admin/reach.md says how"


async def check_doors(config: Config, clock: Clock) -> list[Finding]:
    """Look at the proxy, if there is one, and ask the instance at each alternate address; at its
    own name here only where that is an onion service."""
    found, doors = await _check_proxy(config), config.server.alternates
    if is_onion(config.instance.domain):
        doors = (config.base_url, *doors)
    if not doors:
        return found
    async with await _way_out(config, clock) as out:
        asked = (_check_door(config, out, url) for url in doors)
        return [*found, *await asyncio.gather(*asked)]


async def _check_proxy(config: Config) -> list[Finding]:
    proxy = configured_proxy(config)
    if proxy is None:
        return []
    where = f"{proxy.host}:{proxy.port}"
    try:
        await greet(proxy)
    except (OSError, TimeoutError, ValueError) as error:
        text = f"nobody can be reached through {where}: {error or 'no answer'}"
        return [fail("proxy", text, "is Tor running? Its SocksPort is what [network] socks names")]
    use = "for .onion, and where nothing else leads" if proxy.fallback else "for .onion"
    return [ok("proxy", f"{where} answers; used {use}")]


async def _way_out(config: Config, clock: Clock) -> Outgoing:
    return Outgoing(
        user_agent="fedserver-doctor",
        plain_http=config.plain_http,
        reachable_addresses=await _addresses(config)
        | frozenset(config.development.reachable_addresses),
        host_map=config.development.host_map,
        ca_file=config.development.ca_file,
        clock=clock,
        proxy=configured_proxy(config),
    )


async def _addresses(config: Config) -> frozenset[str]:
    """Our own names may lead to private addresses, behind a router."""
    hosts = [URL(url).raw_host or "" for url in config.server.alternates]
    found: set[str] = set()
    for host in hosts:
        if not is_onion(host):
            try:
                found |= set(await asyncio.to_thread(look_up, host))
            except OSError:
                continue
    return frozenset(found)


async def _check_door(config: Config, out: Outgoing, url: str) -> Finding:
    subject = f"door {host_of(url)}"
    if is_onion(host_of(url)) and not config.network.socks:
        return warn(subject, "not looked at: there is no proxy", f"set [network] socks; {_GUIDE}")
    uri = Uris(config.base_url).instance_actor
    asked = uri.replace(config.base_url, url, 1)
    try:
        answer = await out.request("GET", asked, headers={"Accept": ACTIVITY_TYPE}, limits=_LIMITS)
    except Unreachable as error:
        return fail(subject, f"no answer: {error.reason}", f"lead it to this server; {_GUIDE}")
    if _id_of(answer.body) != uri:
        text = f"answers {answer.status}, but not with our actor"
        return fail(subject, text, f"it has to pass Host and path on unchanged; {_GUIDE}")
    return ok(subject, "leads here")


def _id_of(body: bytes) -> object:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get("id") if isinstance(document, dict) else None
