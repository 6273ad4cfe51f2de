"""Collections in pages, under URIs that name what a page begins after, so that they stay true."""

from collections.abc import Sequence

from activitypub.model import Collection, Object
from fedserver.routing import Id, Params
from storage.paging import Cursor, PageEdges

Item = str | Object


class CollectionParams(Params, frozen=True, kw_only=True):
    """`page` asks for a page; `max_id` and `min_id` say which."""

    page: str | None = None
    max_id: Id | None = None
    min_id: Id | None = None

    def cursor(self, limit: int) -> Cursor:
        return Cursor(limit, max_id=self.max_id, min_id=self.min_id)


def head(uri: str, total: int | None, *, owner: str | None = None) -> Collection:
    """Give a collection that says how many there are, and where they begin."""
    return Collection(
        type="OrderedCollection",
        id=uri,
        attributed_to=(owner,) if owner else (),
        total_items=total,
        first=f"{uri}?page=true",
    )


def page(
    uri: str, items: Sequence[Item], page_edges: PageEdges, params: CollectionParams
) -> Collection:
    """Give a page of an ordered collection, the newest first."""
    older, newer = page_edges.next_max_id, page_edges.prev_min_id
    return Collection(
        type="OrderedCollectionPage",
        id=_page_uri(uri, params),
        part_of=uri,
        items=tuple(items),
        next=f"{uri}?page=true&max_id={older}" if older is not None else None,
        prev=f"{uri}?page=true&min_id={newer}" if newer is not None else None,
    )


def upward_page(
    uri: str, type: str, items: Sequence[Item], after: int, next_after: int | None
) -> Collection:
    """Give a page of a collection that begins with the oldest."""
    return Collection(
        type=type,
        id=f"{uri}?page=true&min_id={after}",
        part_of=uri,
        items=tuple(items),
        next=f"{uri}?page=true&min_id={next_after}" if next_after is not None else None,
    )


def _page_uri(uri: str, params: CollectionParams) -> str:
    at = f"&max_id={params.max_id}" if params.max_id is not None else ""
    at += f"&min_id={params.min_id}" if params.min_id is not None else ""
    return f"{uri}?page=true{at}"
