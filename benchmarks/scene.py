"""Who is there when the measuring begins, the same for both servers."""

import secrets
from dataclasses import dataclass, field

LOCAL_NAMES = ("reader", "author", "secured", "poster")
"""reader follows all; author has followers on plain hosts, secured on TLS hosts, poster none."""

_AUTHORS = 40


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is and how often each job is done in a round."""

    hosts: int
    senders: int
    posts: int
    requests: int
    activities: int
    statuses: int
    delivered_posts: int
    connections: int
    idle_s: float


FULL = Size(
    hosts=50,
    senders=20,
    posts=2_000,
    requests=800,
    activities=600,
    statuses=200,
    delivered_posts=6,
    connections=32,
    idle_s=10.0,
)
QUICK = Size(
    hosts=20,
    senders=8,
    posts=400,
    requests=200,
    activities=200,
    statuses=60,
    delivered_posts=4,
    connections=32,
    idle_s=1.0,
)
TINY = Size(
    hosts=3,
    senders=2,
    posts=60,
    requests=8,
    activities=8,
    statuses=4,
    delivered_posts=2,
    connections=4,
    idle_s=0.2,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """The people elsewhere, and the tokens of those here."""

    size: Size
    senders: list[tuple[str, str]]
    """Actor URIs and public keys of those who send during the run."""
    tokens: dict[str, str] = field(
        default_factory=lambda: {name: secrets.token_urlsafe(32) for name in LOCAL_NAMES}
    )

    @property
    def authors(self) -> list[str]:
        """Actors whose posts are there from the start."""
        hosts = plain_hosts(self.size)
        return [f"http://{hosts[n % len(hosts)]}/users/author{n}" for n in range(_AUTHORS)]

    @property
    def followers(self) -> dict[str, list[str]]:
        """The followers elsewhere of the people here."""
        return {
            "author": [f"http://{host}/users/follower" for host in plain_hosts(self.size)],
            "secured": [f"https://{host}/users/follower" for host in tls_hosts(self.size)],
        }


def plain_hosts(size: Size) -> list[str]:
    return [f"peer{number}.test" for number in range(size.hosts)]


def tls_hosts(size: Size) -> list[str]:
    return [f"tls{number}.test" for number in range(size.hosts)]
