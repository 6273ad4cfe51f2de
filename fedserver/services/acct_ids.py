"""Ids of the form `acct:name@domain` in what peers send: WebFinger says which actor is meant
(FEP-4adb)."""

from typing import Any

from activitypub.errors import ProtocolError
from activitypub.webfinger import parse_handle
from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.services import resolve
from fedserver.services.fetch import Budget

Json = dict[str, Any]

_SCHEME = "acct:"
# Where an actor is named. Never `actor` or `attributedTo`: who speaks is known by URL alone.
_NAMED_IN = ("to", "cc", "audience", "object", "target")
_MAX_LOOKED_UP = 10


async def with_urls(ctx: Context, document: Json, budget: Budget) -> Json:
    """Give `document` with the URLs of the actors that its acct: ids name, as far as WebFinger
    knows them; ids of nobody stay as they are, and are unusable like any other id that is no URL.
    """
    named = list(dict.fromkeys(_ids_in(document)))[:_MAX_LOOKED_UP]
    urls = {one: url for one in named if (url := await _url_of(ctx, one, budget)) is not None}
    return _replaced(document, urls) if urls else document


async def _url_of(ctx: Context, acct: str, budget: Budget) -> str | None:
    try:
        row = await resolve.account_by_handle(ctx, parse_handle(acct), budget)
    except (FedserverError, ProtocolError):
        return None
    return row.uri if row is not None else None


def _ids_in(document: Json) -> list[str]:
    found = [one for name in _NAMED_IN for one in _texts(document.get(name))]
    found += [one for tag in _dicts(document.get("tag")) for one in _texts(tag.get("href"))]
    enclosed = document.get("object")
    if isinstance(enclosed, dict):
        found += _ids_in({**enclosed, "object": None})
    return [one for one in found if one.startswith(_SCHEME)]


def _texts(value: Any) -> list[str]:
    members = value if isinstance(value, list) else [value]
    return [one for one in members if isinstance(one, str)]


def _dicts(value: Any) -> list[Json]:
    members = value if isinstance(value, list) else [value]
    return [one for one in members if isinstance(one, dict)]


def _replaced(document: Json, urls: dict[str, str]) -> Json:
    changed = dict(document)
    for name in _NAMED_IN:
        if name in changed:
            changed[name] = _with(changed[name], urls)
    if "tag" in changed:
        changed["tag"] = [
            {**tag, "href": _with(tag.get("href"), urls)} for tag in _dicts(changed["tag"])
        ]
    if isinstance(changed.get("object"), dict):
        changed["object"] = _replaced(changed["object"], urls)
    return changed


def _with(value: Any, urls: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_with(one, urls) for one in value]
    return urls.get(value, value) if isinstance(value, str) else value
