"""The page of a collection of accounts, for anybody."""

from typing import Any

import orjson
from aiohttp import web

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Media, endpoint
from fedserver.web.rendering import public_page, render


@endpoint("GET", "/collections/{id}", media=Media.PAGE)
async def show_collection(ctx: Context, id: int) -> web.Response:
    """Show a collection of one of our people with who is in it; 404 for others."""
    whole: dict[str, Any] = orjson.loads(
        orjson.dumps(await entities.collection_with_accounts(ctx, id, None))
    )
    shown, people = whole["collection"], whole["accounts"]
    if not shown["local"] or not people:
        raise NotFound("There is no such collection here")
    inside = {item["account_id"] for item in shown["items"]}
    members = [one for one in people if one["id"] in inside]
    body = render(ctx, "collection.html", collection=shown, owner=people[0], members=members)
    return public_page(ctx, body)
