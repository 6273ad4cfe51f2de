"""What callers are told when something fails: Mastodon's statuses and texts, or a page."""

import logging
import math
from typing import Final

from aiohttp import web

from activitypub.errors import ProtocolError
from fedserver.errors import (
    Denied,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    Unreachable,
    Unsigned,
)
from fedserver.routing.endpoints import ENDPOINT, Endpoint, Media
from fedserver.routing.error_pages import error_page
from fedserver.routing.mounting import wants_activity
from fedserver.routing.responses import error_reply, wanted_signature
from storage.database import Conflict
from storage.failures import is_temporary

log = logging.getLogger(__name__)

REQUEST_ID: Final = web.RequestKey("request_id", str)
_MACHINE_PATHS: Final = (
    "/api/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/userinfo",
    "/.well-known/",
    "/nodeinfo/",
    "/inbox",
)
_RETRY_AFTER_S: Final = 5
_HTTP_TEXTS: Final = {
    400: "The request is not valid HTTP as we understand it",
    404: "Record not found",
    405: "This method is not allowed here",
    413: "The request body is too large",
    414: "The address is too long. Send parameters in the body",
}
_UNEXPECTED: Final = "Something went wrong here. It was written to the log"
_AWAY: Final = "The server cannot do this just now. Please try again in a moment"
_REMOTE: Final = "Remote data could not be fetched"

# The first that fits. The texts of Refused and of protocol errors are for the log.
_STATUSES: Final[tuple[tuple[type[Exception], int, str | None], ...]] = (
    (NotFound, 404, None),
    (Invalid, 422, None),
    (Forbidden, 403, None),
    (RateLimited, 429, None),
    (Unavailable, 503, None),
    (Refused, 403, "This action is not allowed"),
    (Gone, 404, "Record not found"),
    (Unreachable, 503, _REMOTE),
    (Denied, 503, _REMOTE),
    (ProtocolError, 503, _REMOTE),
    (Conflict, 422, "Duplicate record"),
    (web.RequestPayloadError, 400, _HTTP_TEXTS[400]),
)


def answer_to(request: web.Request, error: Exception) -> web.Response:
    """Give the answer to a request that ended with `error`; what nobody expected is logged."""
    status, message = _told(request, error)
    if speaks_html(request):
        response = error_page(status, message)
    elif isinstance(error, Invalid) and error.details is not None:
        response = error_reply(status, message, details=error.details)
    else:
        response = error_reply(status, message)
    response.headers.update(_headers(status, error))
    return response


def _told(request: web.Request, error: Exception) -> tuple[int, str]:
    if isinstance(error, web.HTTPException):
        return error.status, _HTTP_TEXTS.get(error.status, error.reason)
    if isinstance(error, Unauthorized):
        return error.status, str(error)
    for kind, status, message in _STATUSES:
        if isinstance(error, kind):
            return status, message or str(error)
    return _not_our_callers_fault(request, error)


def _not_our_callers_fault(request: web.Request, error: Exception) -> tuple[int, str]:
    if is_temporary(error):
        log.warning("%s %s answered 503: %r", request.method, request.path, error)
        return 503, _AWAY
    log.error(
        "%s %s failed (request %s)",
        request.method,
        request.path,
        request.get(REQUEST_ID),
        exc_info=error,
    )
    return 500, _UNEXPECTED


def _headers(status: int, error: Exception) -> dict[str, str]:
    if isinstance(error, RateLimited):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    if status == 503:
        return {"Retry-After": str(_RETRY_AFTER_S)}
    if isinstance(error, Unsigned):
        return wanted_signature(with_body=False)
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="fedserver"'}
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {"Allow": error.headers["Allow"]}
    return {}


def speaks_html(request: web.Request) -> bool:
    """Say whether a person is to read the answer, rather than a program."""
    endpoint: Endpoint | None = request.get(ENDPOINT)
    if endpoint is not None:
        return endpoint.media is Media.PAGE
    if request.path.startswith(_MACHINE_PATHS):
        return False
    return request.method in ("GET", "HEAD") and not wants_activity(request)
