"""Registration of client applications (Mastodon API: apps)."""

from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import field

from fedserver.context import Context
from fedserver.errors import Invalid, Unauthorized
from fedserver.routing import AppToken, Params, endpoint
from fedserver.services.grants import register_application
from fedserver.services.push_keys import public_push_key
from fedserver.services.redirect_uris import parse_redirect_uris
from fedserver.services.scopes import all_known, parse_scopes
from storage.oauth import APPLICATION_BY_ID, ApplicationRow

Json = dict[str, Any]

MAX_NAME_CHARS: Final = 60
MAX_WEBSITE_CHARS: Final = 2_000


class NewAppParams(Params, frozen=True, kw_only=True):
    """A registration. Texts and lists are both taken, since clients send both."""

    client_name: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    website: str | None = None


@endpoint("POST", "/api/v1/apps", rate="apps")
async def create_app(ctx: Context, params: NewAppParams) -> Json:
    """Register an application. Its secret is in this answer and nowhere else.

    Mastodon API: apps#create (CredentialApplication).
    """
    scopes = parse_scopes(params.scopes)
    if not all_known(scopes):
        raise Invalid("Validation failed: Scopes doesn't match configured on the server.")
    new = await register_application(
        ctx,
        name=_checked_name(params.client_name),
        website=_checked_website(params.website),
        redirect_uris=parse_redirect_uris(params.redirect_uris),
        scopes=" ".join(scopes),
    )
    return {
        **_application(new.row, await public_push_key(ctx)),
        "client_id": new.row.client_id,
        "client_secret": new.secret,
        "client_secret_expires_at": 0,
    }


@endpoint("GET", "/api/v1/apps/verify_credentials")
async def verify_app(ctx: Context, app: AppToken) -> Json:
    """Tell an application what it is; any token of it will do.

    Mastodon API: apps#verify_credentials.
    """
    row = await ctx.db.one(APPLICATION_BY_ID, app.token.application_id)
    if row is None:
        raise Unauthorized("The access token is invalid")
    return _application(row, await public_push_key(ctx))


def _application(row: ApplicationRow, vapid_key: str) -> Json:
    return {
        "id": str(row.id),
        "name": row.name,
        "website": row.website,
        "scopes": row.scopes.split(),
        "redirect_uris": row.redirect_uris,
        "redirect_uri": "\n".join(row.redirect_uris),
        "vapid_key": vapid_key,
    }


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid("Validation failed: Application name can't be blank")
    if len(name) > MAX_NAME_CHARS:
        raise Invalid(
            f"Validation failed: Application name is too long (maximum is {MAX_NAME_CHARS}"
            " characters)"
        )
    return name


def _checked_website(website: str | None) -> str | None:
    if website is None or not website.strip():
        return None
    website = website.strip()
    if len(website) > MAX_WEBSITE_CHARS:
        raise Invalid(
            f"Validation failed: Website is too long (maximum is {MAX_WEBSITE_CHARS} characters)"
        )
    if not _is_web_address(website):
        raise Invalid("Validation failed: Website is not a valid URL")
    return website


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
