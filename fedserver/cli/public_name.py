"""Examinations of the instance as others see it: its name, TLS, actor and WebFinger."""

import asyncio
import json
import socket
import ssl
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from activitypub.errors import ProtocolError
from activitypub.onions import is_onion
from activitypub.webfinger import ACTIVITY_TYPE, Handle, parse_jrd, webfinger_url
from fedserver.cli.findings import Finding, fail, ok, warn
from fedserver.cli.house import check_clock
from fedserver.clock import Clock
from fedserver.config import Config
from fedserver.errors import Unreachable
from fedserver.outgoing import Outgoing, Response
from fedserver.outgoing.certificates import certificate_end
from fedserver.uris import Uris

TLS_LIMIT_S = 10.0
CERTIFICATE_WARN = timedelta(days=14)
_PROXY = "check the reverse proxy against the examples in deploy/"


async def check_public_name(config: Config, clock: Clock) -> list[Finding]:
    """Ask the instance over its public name, as a peer would."""
    if is_onion(config.instance.domain):
        return []  # DNS must not hear of it; it is looked at as the other doors are
    target = urlsplit(config.base_url)
    host, port = target.hostname or "", target.port or (443 if target.scheme == "https" else 80)
    try:
        addresses = await _addresses(host, port)
    except OSError as error:
        text = f"{host} has no address ({error.strerror or error})"
        return [fail("name", text, "add an A or AAAA record for it in DNS")]
    found = [ok("name", f"{host} is {', '.join(sorted(addresses))}")]
    if target.scheme == "https":
        found.append(await _check_tls(host, port, config, clock))
    if any(finding.state == "fail" for finding in found):
        return found
    return [*found, *await _check_documents(config, clock, addresses)]


async def _addresses(host: str, port: int) -> frozenset[str]:
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return frozenset(str(info[4][0]) for info in infos)


async def _check_tls(host: str, port: int, config: Config, clock: Clock) -> Finding:
    advice = f"is the reverse proxy running, and port {port} open in the firewall? Else {_PROXY}"
    try:
        ends_at = await certificate_end(
            host, port, ca_file=config.development.ca_file, limit_s=TLS_LIMIT_S
        )
    except ssl.SSLCertVerificationError as error:
        advice = "get a certificate that names this host (Caddy does by itself, certbot for nginx)"
        return fail("TLS", f"others do not trust it: {error.verify_message}", advice)
    except (OSError, TimeoutError) as error:
        return fail("TLS", f"no connection to {host}:{port}: {error or 'no answer'}", advice)
    left = ends_at - clock.now()
    text = f"the certificate is valid for {left.days} more days"
    if left < CERTIFICATE_WARN:
        return warn("TLS", text, "look why it is not renewed: it should have been by now")
    return ok("TLS", text)


async def _check_documents(
    config: Config, clock: Clock, addresses: frozenset[str]
) -> list[Finding]:
    # Our own name may lead to a private address, behind a router or on a developer's machine.
    reachable = addresses | frozenset(config.development.reachable_addresses)
    door = Outgoing(
        user_agent="fedserver-doctor",
        plain_http=config.plain_http,
        reachable_addresses=reachable,
        host_map=config.development.host_map,
        ca_file=config.development.ca_file,
        clock=clock,
    )
    async with door as out:
        return await _ask(config, clock, out)


async def _ask(config: Config, clock: Clock, out: Outgoing) -> list[Finding]:
    uri = Uris(config.base_url).instance_actor
    try:
        answer = await out.request("GET", uri, headers={"Accept": ACTIVITY_TYPE})
    except Unreachable as error:
        advice = f"is fedserver running? `fedserver run`; behind a proxy {_PROXY}"
        return [fail("actor", f"no answer from {uri}: {error.reason}", advice)]
    actor = _json_object(answer)
    name = actor.get("preferredUsername")
    if actor.get("id") != uri or not isinstance(name, str):
        text = f"{uri} answers {answer.status}, but not with our actor"
        return [
            fail("actor", text, f"something else answers for {config.instance.domain}: {_PROXY}")
        ]
    found = [ok("actor", f"{uri} answers"), *_check_date(answer, clock)]
    return [*found, await _check_webfinger(config, out, Handle(name, config.instance.domain), uri)]


def _check_date(answer: Response, clock: Clock) -> list[Finding]:
    try:
        date = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return []
    return [check_clock("clock", "the public server's", date, clock)]


async def _check_webfinger(config: Config, out: Outgoing, handle: Handle, uri: str) -> Finding:
    url = webfinger_url(config.base_url, handle.acct)
    advice = f"pass /.well-known/webfinger to fedserver unchanged: {_PROXY}"
    try:
        answer = await out.request("GET", url)
        found = parse_jrd(_json_object(answer))
    except Unreachable as error:
        return fail("WebFinger", f"no answer from {url}: {error.reason}", advice)
    except ProtocolError as error:
        return fail("WebFinger", f"{url}: {error.reason}", advice)
    if answer.status != 200 or found.actor_uri != uri:
        return fail("WebFinger", f"{url} answers {answer.status}, without our actor", advice)
    return ok("WebFinger", f"finds {handle}")


def _json_object(answer: Response) -> dict[str, object]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
