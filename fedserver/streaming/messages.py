"""What is told, in the two forms of the wire, each written once for all who hear it."""

import orjson


class Message:
    """An event of Mastodon's streaming API. `payload` is text, JSON for most; None for no payload.

    Thousands may hear the same one, so what is ready to be sent is kept with it.
    """

    __slots__ = ("_frames", "_lines", "event", "payload")

    def __init__(self, event: str, payload: str | None) -> None:
        self.event = event
        self.payload = payload
        self._frames: dict[tuple[str, ...], str] = {}
        self._lines: bytes | None = None

    def frame(self, stream: tuple[str, ...]) -> str:
        """Give the text of a WebSocket message: `payload` is a string, even where it is JSON."""
        ready = self._frames.get(stream)
        if ready is None:
            shown: dict[str, object] = {"stream": stream, "event": self.event}
            if self.payload is not None:
                shown["payload"] = self.payload
            ready = self._frames[stream] = orjson.dumps(shown).decode()
        return ready

    def lines(self) -> bytes:
        """Give the lines of a server-sent event. Without data browsers would pass it over, so
        Mastodon's own word for none stands there."""
        if self._lines is None:
            data = "undefined" if self.payload is None else self.payload
            self._lines = f"event: {self.event}\ndata: {data}\n\n".encode()
        return self._lines
