"""Who listens to what, in this process."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fedserver.entities import NOBODY
from fedserver.streaming.clients import Client
from fedserver.streaming.messages import Message
from fedserver.streaming.topics import CannotStream, Stream, Topic

MAX_CONNECTIONS_EACH = 32  # of a person; without a token, of an address
MAX_STREAMS_EACH = 64  # of a connection


class Subscription(NamedTuple):
    """A client, and under which name it hears a topic."""

    client: Client
    label: tuple[str, ...]

    def tell(self, message: Message) -> None:
        self.client.tell(self.label, message)


class Register:
    """Finds the subscriptions of a topic."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[int | str, set[Subscription]]] = defaultdict(dict)
        self._connections: Counter[tuple[int, str]] = Counter()
        self.clients: set[Client] = set()

    def enter(self, client: Client) -> None:
        """Count a new connection. Raises CannotStream (429) where there are too many."""
        key = _key(client)
        if self._connections[key] >= MAX_CONNECTIONS_EACH:
            raise CannotStream(429, "Too many open streams")
        self._connections[key] += 1
        self.clients.add(client)

    def leave(self, client: Client) -> None:
        """Forget a connection and all that it listened to."""
        for label in list(client.streams):
            self.unsubscribe(client, label)
        self.clients.discard(client)
        key = _key(client)
        self._connections[key] -= 1
        if self._connections[key] <= 0:
            del self._connections[key]

    def subscribe(self, client: Client, stream: Stream) -> None:
        """Let `client` hear `stream`. Raises CannotStream (429) where it hears too many."""
        if stream.label in client.streams:
            return
        if len(client.streams) >= MAX_STREAMS_EACH:
            raise CannotStream(429, "Too many subscriptions")
        client.streams[stream.label] = stream
        for topic in stream.topics:
            subscription = Subscription(client, stream.label)
            self._topics[topic.name].setdefault(topic.about, set()).add(subscription)

    def unsubscribe(self, client: Client, label: tuple[str, ...]) -> None:
        """Let `client` hear the stream no more."""
        stream = client.streams.pop(label, None)
        for topic in stream.topics if stream else ():
            among = self._topics[topic.name]
            among[topic.about].discard(Subscription(client, label))
            if not among[topic.about]:
                del among[topic.about]

    def of(self, topic: Topic) -> Iterable[Subscription]:
        """Give who hears `topic`."""
        return self._topics[topic.name].get(topic.about, ())

    def of_kind(self, name: str) -> Iterator[Subscription]:
        """Give who hears any topic of that name."""
        for subscriptions in self._topics[name].values():
            yield from subscriptions

    def abouts(self, name: str) -> list[int | str]:
        """Give what the topics of that name are about: accounts, lists or tags."""
        return list(self._topics[name])


def _key(client: Client) -> tuple[int, str]:
    viewer = client.viewer
    return (viewer, client.listener.address if viewer == NOBODY else "")
