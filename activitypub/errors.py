"""The errors of the protocol library. Each carries one sentence that says what was wrong."""


class ProtocolError(Exception):
    """Something breaks the protocol; `reason` says what, for the log and never for the peer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureError(ProtocolError):
    """A request's signature is missing, malformed, too old, too weak or wrong (answer: 401)."""


class KeyFormatError(ProtocolError):
    """Text that should be a key is none, or is one we do not accept."""


class DocumentError(ProtocolError):
    """A document is not shaped as its standard says."""


class Untrusted(ProtocolError):
    """A document or activity speaks for something its source has no authority over."""
