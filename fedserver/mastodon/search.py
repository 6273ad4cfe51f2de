"""Search (Mastodon API: search, accounts#search)."""

from dataclasses import dataclass, field

from activitypub.errors import ProtocolError
from activitypub.webfinger import Handle, parse_handle
from fedserver import effects, entities
from fedserver.context import Context
from fedserver.errors import FedserverError, Unauthorized
from fedserver.mastodon.search_query import SearchQuery, parse_query
from fedserver.mastodon.timelines import tag_names, viewer_of
from fedserver.routing import JSON, Caller, Id, Params, endpoint
from fedserver.routing.pages import clamp
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.archives import BROUGHT_FROM
from storage.paging import NEWEST
from storage.profiles import ACCOUNTS_BY_HANDLES
from storage.search import SEARCH_ACCOUNTS, SEARCH_STATUSES, SEARCH_TAGS
from storage.statuses import STATUS_BY_URI, StatusRow

_MAX_QUERY_CHARS = 4_096
_MAX_PREFIX_CHARS = 255
_MAX_OFFSET = 10_000


class SearchParams(Params, frozen=True, kw_only=True):
    """What to look for, and where."""

    q: str = ""
    type: str | None = None
    resolve: bool = False
    following: bool = False
    account_id: Id | None = None
    limit: int | None = None
    offset: int | None = None
    max_id: Id | None = None
    min_id: Id | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A search as it is carried out."""

    text: str
    viewer: int | None
    limit: int
    offset: int
    params: SearchParams
    kinds: frozenset[str] = field(default=frozenset({"accounts", "statuses", "hashtags"}))


def _wanted(params: SearchParams, viewer: int | None, *, default: int, most: int) -> _Wanted:
    kinds = {params.type} if params.type else {"accounts", "statuses", "hashtags"}
    return _Wanted(
        text=params.q.strip()[:_MAX_QUERY_CHARS].replace("\0", ""),
        viewer=viewer,
        limit=clamp(params.limit, default, most),
        offset=max(0, min(params.offset or 0, _MAX_OFFSET)),
        params=params,
        kinds=frozenset(kinds),
    )


@endpoint("GET", "/api/v2/search", scope="read:search")
async def search(ctx: Context, caller: Caller | None, params: SearchParams) -> JSON:
    """Find people, hashtags and posts; an address or URL is fetched when `resolve` asks for it.

    Mastodon API: search#v2.
    """
    if caller is None and (params.resolve or params.offset):
        raise Unauthorized("This method requires an authenticated user")
    wanted = _wanted(params, viewer_of(caller), default=20, most=40)
    if _is_url(wanted.text):
        return await _named_by_url(ctx, wanted)
    return {
        "accounts": await _find_accounts(ctx, wanted),
        "statuses": await _find_statuses(ctx, wanted),
        "hashtags": await _find_tags(ctx, wanted),
        "collections": [],
    }


@endpoint("GET", "/api/v1/accounts/search", scope="read:accounts")
async def search_accounts(ctx: Context, caller: Caller, params: SearchParams) -> JSON:
    """Find people by the start of their names.

    Mastodon API: accounts#search.
    """
    wanted = _wanted(params, caller.account_id, default=40, most=80)
    if _is_url(wanted.text):
        return (await _named_by_url(ctx, wanted))["accounts"]
    return await _find_accounts(ctx, wanted)


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://")) and not any(one.isspace() for one in text)


async def _named_by_url(ctx: Context, wanted: _Wanted) -> dict[str, list[JSON]]:
    found = await _by_url(ctx, wanted)
    accounts, statuses = [], []
    if isinstance(found, AccountRow) and "accounts" in wanted.kinds:
        accounts = await entities.accounts(ctx, [found.id], wanted.viewer)
    if isinstance(found, StatusRow) and "statuses" in wanted.kinds:
        statuses = await entities.statuses(ctx, [found.id], wanted.viewer)
    return {"accounts": accounts, "statuses": statuses, "hashtags": [], "collections": []}


async def _by_url(ctx: Context, wanted: _Wanted) -> AccountRow | StatusRow | None:
    if not wanted.params.resolve:
        account = await ctx.db.one(ACCOUNT_BY_URI, wanted.text)
        status = await ctx.db.one(STATUS_BY_URI, wanted.text)
        return account or status
    brought = await ctx.db.one(BROUGHT_FROM, wanted.text, wanted.viewer)
    if brought is not None:
        return brought
    try:
        return await effects.find_by_url(ctx, wanted.text, _budget(ctx))
    except (FedserverError, ProtocolError):
        return None


def _budget(ctx: Context) -> Budget:
    return Budget(ctx.config.federation.fetch_budget)


async def _find_accounts(ctx: Context, wanted: _Wanted) -> list[JSON]:
    if "accounts" not in wanted.kinds or not wanted.text:
        return []
    name, _, domain = wanted.text.lstrip("@").lower().partition("@")
    if len(name) > _MAX_PREFIX_CHARS:
        return []
    first = await _by_handle(ctx, wanted)
    heads = await ctx.db.fetch(
        SEARCH_ACCOUNTS,
        name,
        wanted.viewer,
        wanted.params.following,
        wanted.limit,
        wanted.offset,
        domain or None,
    )
    ids = dict.fromkeys([*first, *(head.id for head in heads)])
    return list(await entities.accounts(ctx, list(ids)[: wanted.limit], wanted.viewer))


async def _by_handle(ctx: Context, wanted: _Wanted) -> list[int]:
    handle = _handle(wanted.text)
    if handle is None or not wanted.params.resolve or wanted.offset or wanted.params.following:
        return []
    try:
        row = await resolve.account_by_handle(ctx, handle, _budget(ctx))
    except (FedserverError, ProtocolError):
        return []
    return [] if row is None else [row.id]


def _handle(text: str) -> Handle | None:
    if "@" not in text.lstrip("@"):
        return None
    try:
        return parse_handle(text)
    except ProtocolError:
        return None


async def _find_statuses(ctx: Context, wanted: _Wanted) -> list[JSON]:
    if "statuses" not in wanted.kinds or wanted.viewer is None:
        return []
    query = parse_query(wanted.text)
    await _name_authors(ctx, wanted, query)
    if not query.says_something:
        return []
    params = wanted.params
    heads = await ctx.db.fetch(
        SEARCH_STATUSES,
        min(query.below, NEWEST if params.max_id is None else params.max_id),
        max(query.above, params.min_id or 0),
        wanted.limit + wanted.offset,
        wanted.viewer,
        query.words,
        query.words_wanted,
        query.phrases,
        query.marks,
        query.marks_wanted,
        query.scope != "library",
        query.scope != "public",
        wanted.offset,
    )
    return list(await entities.statuses_of(ctx, heads, wanted.viewer))


async def _name_authors(ctx: Context, wanted: _Wanted, query: SearchQuery) -> None:
    """Turn the handles of `from:` into marks, all in one query. Nobody has a number below 0."""
    if wanted.params.account_id is not None:
        query.add_mark(f"|from|{wanted.params.account_id}", wanted=True)
    handles = [_author_handle(ctx, written) for written, _ in query.authors]
    names, domains = [name for name, _ in handles], [domain for _, domain in handles]
    rows = await ctx.db.fetch(ACCOUNTS_BY_HANDLES, names, domains) if handles else []
    known = {(row.username.lower(), row.domain): row.id for row in rows}
    for (written, is_wanted), handle in zip(query.authors, handles, strict=True):
        me = wanted.viewer if written.lower() == "me" else None
        query.add_mark(f"|from|{me or known.get(handle, -1)}", wanted=is_wanted)


def _author_handle(ctx: Context, written: str) -> tuple[str, str | None]:
    name, _, domain = written.removeprefix("@").lower().partition("@")
    return name, domain if domain and domain != ctx.config.instance.domain else None


async def _find_tags(ctx: Context, wanted: _Wanted) -> list[JSON]:
    names = tag_names([wanted.text])
    if "hashtags" not in wanted.kinds or not names or len(names[0]) > _MAX_PREFIX_CHARS:
        return []
    ids = await ctx.db.values(SEARCH_TAGS, names[0], wanted.limit, wanted.offset)
    return list(await entities.tags(ctx, ids, wanted.viewer))
