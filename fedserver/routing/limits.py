"""Rate limits of the API: which rules count a request, and under whose key.

The caller of a token is known only after its look-up. Until a token has been seen to be valid its
requests count for their address, as those without a token do; so guessing tokens gains nothing.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.rate_limits import (
    API_PER_ACCOUNT,
    API_PER_ADDRESS,
    API_PER_TOKEN,
    APP_REGISTRATIONS,
    DEEP_PAGING,
    DELETES,
    MEDIA_UPLOADS,
    SIGN_UPS,
    Rule,
    Verdict,
    address_key,
)
from fedserver.routing.callers import TOKEN, Token
from fedserver.routing.client_address import ClientAddresses
from fedserver.routing.endpoints import Endpoint, Media, all_endpoints
from fedserver.secrets import token_hash

_LIMITED_PATHS: Final = ("/api/", "/oauth/")
_UNLIMITED: Final = "none"
# The classes that endpoints name, beside "api", which counts them all.
_CLASSES: Final = {
    "media": MEDIA_UPLOADS,
    "deletes": DELETES,
    "apps": APP_REGISTRATIONS,
    "sign_ups": SIGN_UPS,
    "paging": DEEP_PAGING,
}
_BY_ADDRESS: Final = frozenset({"apps", "sign_ups"})
_MAX_KNOWN_TOKENS: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Caller:
    token_id: int
    account_id: int | None


class Limits:
    """Counts the requests of one process."""

    def __init__(self, ctx: Context, endpoints: Sequence[Endpoint] | None = None) -> None:
        """`endpoints`: what is served; None stands for all that are registered."""
        self._served = endpoints
        self._limiter = ctx.rate_limiter
        self._addresses = ClientAddresses(ctx.config.server.trusted_proxies)
        self._callers: OrderedDict[bytes, _Caller] = OrderedDict()
        self._endpoints: dict[tuple[str, str], Endpoint] = {}

    def check(self, request: web.Request) -> Verdict | None:
        """Count `request` and give the tightest verdict, None where no limit applies."""
        if not request.path.startswith(_LIMITED_PATHS):
            return None
        endpoint = self._endpoint(request)
        rate = endpoint.rate if endpoint is not None else "api"
        if rate == _UNLIMITED or (endpoint is not None and endpoint.media is Media.PAGE):
            return None
        rules = self._rules(request, rate)
        return min((self._limiter.check(rule, key) for rule, key in rules), key=_tightness)

    def learn(self, request: web.Request, status: int) -> None:
        """Remember whose token it was, or that it is none (any more)."""
        credential = _credential(request)
        if credential is None:
            return
        token: Token | None = request.get(TOKEN)
        if status == 401:
            self._callers.pop(credential, None)
        elif token is not None:
            self._callers[credential] = _Caller(token.id, token.account_id)
            if len(self._callers) > _MAX_KNOWN_TOKENS:
                self._callers.popitem(last=False)

    def _rules(self, request: web.Request, rate: str) -> list[tuple[Rule, str]]:
        credential = _credential(request)
        caller = self._callers.get(credential) if credential is not None else None
        if caller is None or rate in _BY_ADDRESS:
            address = address_key(self._addresses.of(request))
            rules = [(API_PER_ADDRESS, address)]
            key = address
        else:
            rules = [(API_PER_TOKEN, str(caller.token_id))]
            key = str(caller.token_id)
            if caller.account_id is not None:
                key = str(caller.account_id)
                rules.append((API_PER_ACCOUNT, key))
        if rate in _CLASSES:
            rules.append((_CLASSES[rate], key))
        return rules

    def _endpoint(self, request: web.Request) -> Endpoint | None:
        if not self._endpoints:
            served = all_endpoints() if self._served is None else self._served
            self._endpoints = {(one.method, one.path): one for one in served}
        resource = request.match_info.route.resource
        if resource is None:
            return None
        method = "GET" if request.method == "HEAD" else request.method
        path = resource.canonical
        # Endpoints of the API are served with a slash at the end, too.
        return self._endpoints.get((method, path.rstrip("/") or "/"))


def _credential(request: web.Request) -> bytes | None:
    text = (
        request.headers.get("Authorization")
        or request.query.get("access_token")
        or request.headers.get("Sec-WebSocket-Protocol")
    )
    return token_hash(text) if text else None


def _tightness(verdict: Verdict) -> tuple[bool, int, int]:
    return (verdict.allowed, verdict.remaining, verdict.limit)
