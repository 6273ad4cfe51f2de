"""`python -m benchmarks.bare_pages PORT DSN`: pages as no server could give them faster.

A page is one query that brings as many rows and bytes as fedserver's has, objects made of them,
and JSON of these. No token, no rights, no visibility, no joins.
"""

import asyncio
import sys
from typing import Any

import asyncpg
import orjson
import uvloop
from aiohttp import web

MAKE_TABLE = """
    CREATE UNLOGGED TABLE bare_pages (name text, place int, body text, PRIMARY KEY (name, place))
"""
PUT_PAGE = """
    INSERT INTO bare_pages SELECT $1, place, body
    FROM unnest($2::text[]) WITH ORDINALITY AS t (body, place)
"""
_PAGE = "SELECT body FROM bare_pages WHERE name = $1 ORDER BY place"


def items_of(page: bytes) -> list[Any]:
    """Give the entities of a page of fedserver's, whatever is around them."""
    found = orjson.loads(page)
    if isinstance(found, list):
        return found
    lists = [value for value in found.values() if isinstance(value, list)]
    return [entity for value in lists for entity in value]


async def serve(port: int, dsn: str) -> None:
    """Serve the pages of the table until killed."""
    pool = await asyncpg.create_pool(dsn, min_size=4, max_size=8)

    async def page(request: web.Request) -> web.Response:
        rows = await pool.fetch(_PAGE, request.match_info["name"])
        entities = [orjson.loads(row["body"]) for row in rows]
        return web.Response(body=orjson.dumps(entities), content_type="application/json")

    app = web.Application()
    app.router.add_get("/{name}", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(int(sys.argv[1]), sys.argv[2]))
