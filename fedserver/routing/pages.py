"""Keyset pages at the API: parameters in, `Link` header out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from fedserver.routing.params import Id, Params
from fedserver.routing.responses import JSON, Reply
from storage.paging import Cursor, PageEdges


class PageParams(Params, frozen=True, kw_only=True):
    """`max_id`, `since_id`, `min_id`, `limit` (Mastodon API: paging)."""

    max_id: Id | None = None
    since_id: Id | None = None
    min_id: Id | None = None
    limit: int | None = None

    def cursor(self, *, default: int = 20, most: int = 40) -> Cursor:
        """Give the cursor, its limit clamped to 1..most."""
        return Cursor(clamp(self.limit, default, most), self.max_id, self.since_id, self.min_id)


def clamp(limit: int | None, default: int, most: int) -> int:
    """Give a limit that is never absurd."""
    return default if limit is None else max(1, min(limit, most))


@dataclass(frozen=True, slots=True)
class Page:
    """A page of entities (or one entity that holds all of them), and the ids that lead on."""

    items: Sequence[JSON] | Mapping[str, JSON]
    edges: PageEdges

    def reply(self, request: web.Request, base_url: str) -> Reply:
        """Give the reply with its Link header: `next` first, every other parameter kept."""
        url = URL(base_url).join(request.rel_url).with_query(_kept(request))
        links = []
        if self.edges.next_max_id is not None:
            links.append(_link(url, "max_id", self.edges.next_max_id, "next"))
        if self.edges.prev_min_id is not None:
            links.append(_link(url, "min_id", self.edges.prev_min_id, "prev"))
        body = dict(self.items) if isinstance(self.items, Mapping) else list(self.items)
        return Reply(body, headers={"Link": ", ".join(links)} if links else {})


def _kept(request: web.Request) -> list[tuple[str, str]]:
    dropped = {"max_id", "since_id", "min_id", "access_token"}
    return [(key, value) for key, value in request.query.items() if key not in dropped]


def _link(url: URL, name: str, value: int, rel: str) -> str:
    target = url.with_query([*url.query.items(), (name, str(value))])
    return f'<{target}>; rel="{rel}"'
