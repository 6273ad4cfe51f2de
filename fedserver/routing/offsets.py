"""Pages by offset, where the order is no order of ids (trends, directory)."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from fedserver.routing.pages import clamp
from fedserver.routing.params import Params
from fedserver.routing.responses import JSON, Reply

_MOST_OFFSET = 10_000


class OffsetParams(Params, frozen=True, kw_only=True):
    """`offset`, `limit`."""

    offset: int = 0
    limit: int | None = None

    def window(self, *, default: int, most: int) -> tuple[int, int]:
        """Give limit and offset, neither ever absurd."""
        return clamp(self.limit, default, most), max(0, min(self.offset, _MOST_OFFSET))


@dataclass(frozen=True, slots=True)
class OffsetPage:
    """A page of entities of a list that is asked for by offset."""

    items: Sequence[JSON]
    limit: int
    offset: int

    def reply(self, request: web.Request, base_url: str) -> Reply:
        """Give the reply with its Link header: `next` only after a full page."""
        links = []
        if len(self.items) >= self.limit:
            links.append(_link(request, base_url, self.offset + self.limit, "next"))
        if self.offset > 0:
            links.append(_link(request, base_url, max(0, self.offset - self.limit), "prev"))
        return Reply(list(self.items), headers={"Link": ", ".join(links)} if links else {})


def _link(request: web.Request, base_url: str, offset: int, rel: str) -> str:
    kept = [(key, value) for key, value in request.query.items() if key not in _REPLACED]
    url = URL(base_url).join(request.rel_url).with_query([*kept, ("offset", str(offset))])
    return f'<{url}>; rel="{rel}"'


_REPLACED = {"offset", "access_token"}
