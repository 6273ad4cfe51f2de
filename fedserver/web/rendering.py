"""Templates become pages. Everything is escaped, except HTML that was cleaned when it came in."""

from datetime import datetime
from functools import cache
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from fedserver.context import Context
from fedserver.routing.error_pages import PAGE_HEADERS
from fedserver.web.emojis import is_web_link, with_emojis
from fedserver.web.static import static_url

_PUBLIC_MAX_AGE_S: Final = 30


def render(ctx: Context, template: str, **values: Any) -> bytes:
    """Give the page that `template` makes of `values`."""
    text = (
        _environment()
        .get_template(template)
        .render(base_url=ctx.config.base_url, instance=ctx.config.instance, **values)
    )
    return text.encode()


def private_page(
    ctx: Context,
    template: str,
    *,
    status: int = 200,
    leads_away: bool = False,
    scripts: bool = False,
    **values: Any,
) -> web.Response:
    """Give a page for one person, which nobody may keep.

    `leads_away`: its form may end at the address of any application, also one of a scheme of its
    own, which a `form-action` in the policy would stop in some browsers. `scripts`: it loads one of
    ours (passkeys cannot be used without).
    """
    return _page(
        render(ctx, template, **values),
        status=status,
        policy=_policy(ctx, forms=None if leads_away else "'self'", scripts=scripts),
        cache_control="no-store",
    )


def public_page(ctx: Context, body: bytes, *, scripts: bool = False) -> web.Response:
    """Give a page that is the same for everybody. `scripts`: it loads one of ours."""
    response = _page(
        body,
        status=200,
        policy=_policy(ctx, forms="'none'", scripts=scripts),
        cache_control=f"public, max-age={_PUBLIC_MAX_AGE_S}",
    )
    response.headers["Vary"] = "Accept"
    return response


def redirect(location: str) -> web.Response:
    """Lead the browser to `location`, exactly as it is written (a URL may be of any scheme)."""
    headers = {**PAGE_HEADERS, "Location": location, "Cache-Control": "no-store"}
    return web.Response(status=302, headers=headers)


def _page(body: bytes, *, status: int, policy: str, cache_control: str) -> web.Response:
    return web.Response(
        status=status,
        body=body,
        content_type="text/html",
        charset="utf-8",
        headers={
            **PAGE_HEADERS,
            "Content-Security-Policy": policy,
            "Cache-Control": cache_control,
        },
    )


def _policy(ctx: Context, *, forms: str | None, scripts: bool = False) -> str:
    # Pictures and sound of remote posts still lie at their origins.
    anywhere = "'self' https: http:" if ctx.config.plain_http else "'self' https:"
    rules = [
        "default-src 'none'",
        "style-src 'self'",
        f"img-src {anywhere}",
        f"media-src {anywhere}",
        "manifest-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    if scripts:
        rules += ["script-src 'self'", "worker-src 'self'"]
    if forms is not None:
        rules.append(f"form-action {forms}")
    return "; ".join(rules)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fedserver.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static_url"] = static_url
    environment.filters["with_emojis"] = with_emojis
    environment.filters["web_link"] = _web_link
    environment.filters["percent_of"] = _percent_of
    environment.filters["day_and_time"] = _day_and_time
    environment.filters["day"] = _day
    return environment


def _web_link(url: str | None) -> str:
    """Give what a link may lead to: an address of the web, or nowhere."""
    return url if url is not None and is_web_link(url) else "#"


def _percent_of(count: int, total: int | None) -> int:
    return min(100, round(100 * count / total)) if total else 0


def _day_and_time(timestamp: str) -> str:
    moment = datetime.fromisoformat(timestamp)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _day(timestamp: str) -> str:
    moment = datetime.fromisoformat(timestamp)
    return f"{moment.day} {moment:%B %Y}"
