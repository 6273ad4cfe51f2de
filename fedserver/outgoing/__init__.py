"""The one way out of the server: guarded, limited, signed requests to other hosts.

Nothing else in `fedserver` opens connections to hosts that somebody else may name.
"""

from fedserver.outgoing.client import (
    DEFAULT_LIMITS,
    ForbiddenTarget,
    Limits,
    Outgoing,
    Response,
    Signer,
    TooLarge,
)

__all__ = [
    "DEFAULT_LIMITS",
    "ForbiddenTarget",
    "Limits",
    "Outgoing",
    "Response",
    "Signer",
    "TooLarge",
]
