"""What makes our pages an app that can be installed, and finds the instance by another door when
this one is shut: a manifest, a service worker, and the page that it then shows."""

from typing import Any, Final

import orjson
from aiohttp import web

from activitypub.onions import is_onion
from activitypub.origins import host_of
from fedserver.context import Context
from fedserver.routing import Media, endpoint
from fedserver.routing.doors import door_of
from fedserver.services.own_doors import PATH
from fedserver.web.rendering import public_page, render
from fedserver.web.static import static_url

_DAY_S: Final = 86_400
_WORKER_POLICY: Final = "default-src 'none'; connect-src 'self'"
_COLOUR: Final = "#1f1f2e"


@endpoint("GET", "/manifest.webmanifest", media=Media.PAGE)
async def manifest(ctx: Context) -> web.Response:
    """Describe the app (W3C: Web Application Manifest)."""
    instance = ctx.config.instance
    described: dict[str, Any] = {
        "id": "/",
        "name": instance.title,
        "short_name": instance.title[:12],
        "description": instance.description,
        "start_url": "/",
        "scope": "/",
        "display": "minimal-ui",
        "background_color": _COLOUR,
        "theme_color": _COLOUR,
        "icons": [
            {"src": static_url("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
        ],
        "shortcuts": [{"name": "Write a post", "url": "/share"}],
        "share_target": {
            "action": "/share",
            "method": "GET",
            "enctype": "application/x-www-form-urlencoded",
            "params": {"title": "title", "text": "text", "url": "url"},
        },
    }
    return web.Response(
        body=orjson.dumps(described),
        content_type="application/manifest+json",
        headers={"Cache-Control": f"public, max-age={_DAY_S}"},
    )


@endpoint("GET", "/service-worker.js", media=Media.PAGE)
async def service_worker(ctx: Context) -> web.Response:
    """Give the worker. It stands at the root, because it may serve only what is below it."""
    shell = ["/", "/offline", static_url("fedserver.css"), static_url("icon.svg")]
    body = render(ctx, "service-worker.js", shell=shell, list_path=PATH)
    return web.Response(
        body=body,
        content_type="text/javascript",
        charset="utf-8",
        headers={"Cache-Control": "no-cache", "Content-Security-Policy": _WORKER_POLICY},
    )


@endpoint("GET", "/offline", media=Media.PAGE)
async def offline(ctx: Context, request: web.Request) -> web.Response:
    """Show the other doors. The service worker keeps this page for when it is needed."""
    here = door_of(ctx.config, request).base_url
    others = [url for url in (ctx.config.base_url, *ctx.config.server.alternates) if url != here]
    doors = [{"url": url, "host": host_of(url), "onion": is_onion(host_of(url))} for url in others]
    return public_page(ctx, render(ctx, "offline.html", doors=doors))
