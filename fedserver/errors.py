"""The errors of the running server.

`ConfigError` and `StartError` are for whoever starts it; `Refused`, `NotFound`, `Invalid`,
`Unauthorized`, `Forbidden`, `Unavailable` and `RateLimited` are the answers of a use case;
`Unreachable`, `Gone` and `Denied` are what the network said.
"""

from collections.abc import Mapping
from typing import Any


class FedserverError(Exception):
    """Anything that fedserver itself says no to. The text is one sentence for people."""


class ConfigError(FedserverError):
    """The configuration is wrong. The text names the key and says what it takes."""


class StartError(FedserverError):
    """The server cannot start. The text says why, and what to do next."""


class Refused(FedserverError):
    """The act may not be done; `reason` is kept as the outcome of a received activity."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotFound(FedserverError):
    """There is no such thing, or the caller may not know of it: both look the same."""

    def __init__(self, message: str = "Record not found") -> None:
        super().__init__(message)


class Invalid(FedserverError):
    """What was asked does not make sense; `details` says which field and why (API: 422)."""

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details = details


class Unauthorized(FedserverError):
    """Who is asking? `status` is 401, or 422 where Mastodon answers so."""

    def __init__(self, message: str = "The access token is invalid", *, status: int = 401) -> None:
        super().__init__(message)
        self.status = status


class Unsigned(Unauthorized):
    """A peer's request bears no signature that holds."""


class Forbidden(FedserverError):
    """We know who is asking, and they may not (API: 403)."""

    def __init__(self, message: str = "This action is not allowed") -> None:
        super().__init__(message)


class Unavailable(FedserverError):
    """A service that this instance depends on does not do its part now (API: 503)."""


class RateLimited(FedserverError):
    """Asked too often (API: 429); it is allowed again after `retry_after_s`."""

    def __init__(self, message: str = "Too many requests", *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unreachable(FedserverError):
    """`host` gave no complete answer, or may not be asked; trying later may help."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host}: {reason}")
        self.host = host
        self.reason = reason


class Gone(FedserverError):
    """What was at `url` has been deleted for good (HTTP 410, or a Tombstone)."""

    def __init__(self, url: str) -> None:
        super().__init__(f"gone: {url}")
        self.url = url


class Denied(FedserverError):
    """The peer answered, and said no with `status` (an HTTP status); asking again will not help."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
