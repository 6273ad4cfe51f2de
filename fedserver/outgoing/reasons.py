"""Why a request failed, in words for logs and for the admin's view of a peer."""

import aiohttp
from yarl import URL


def cause(error: Exception) -> Exception:
    """Return what the connector wrapped: its own text repeats the host and says little more."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return error


def reason(error: Exception) -> str:
    """Say in a few words what went wrong."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:200] or type(error).__name__


def host_for_message(url: str) -> str:
    """Give the host of a URL that may be none."""
    try:
        return URL(url).raw_host or ""
    except (ValueError, TypeError):
        return ""
