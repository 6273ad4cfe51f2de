"""What both servers are filled with and sent: the same people, posts and activities."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
FIRST_POST_AT = datetime(2026, 1, 1, tzinfo=UTC)

_WORDS = (
    "the harbour was quiet this morning and a heron stood on the pier as if it had paid for it "
    "while we carried the boxes up to the second floor and argued about tea"
).split()
_CONTEXT: list[Any] = [
    "https://www.w3.org/ns/activitystreams",
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
        "Emoji": "toot:Emoji",
        "blurhash": "toot:blurhash",
        "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
        "Hashtag": "as:Hashtag",
    },
]


@dataclass(frozen=True, slots=True)
class Post:
    """A remote post that the servers know from the start."""

    id: int
    uri: str
    author: int
    content: str
    created_at: datetime


def text(number: int) -> str:
    """Give a paragraph of about 350 letters, different for each number."""
    turned = _WORDS[number % len(_WORDS) :] + _WORDS[: number % len(_WORDS)]
    return f"<p>Post {number}: {' '.join(turned)}.</p><p>{' '.join(reversed(turned))}.</p>"


def posts(authors: list[str], count: int) -> list[Post]:
    """Give `count` posts by the actors `authors` in turn, one a minute."""
    made = []
    for number in range(count):
        author = number % len(authors)
        created_at = FIRST_POST_AT + timedelta(minutes=number)
        made.append(
            Post(
                id=int(created_at.timestamp() * 1000) << 16 | number % 65_536,
                uri=f"{authors[author]}/statuses/{number}",
                author=author,
                content=text(number),
                created_at=created_at,
            )
        )
    return made


def create_activity(actor: str, number: str, now: datetime) -> bytes:
    """Give a Create of a public Note as Mastodon writes it, about 3 KB."""
    uri = f"{actor}/statuses/{number}"
    content = text(sum(number.encode()))
    published = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    to, cc = [PUBLIC], [f"{actor}/followers"]
    note = {
        "id": uri,
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": published,
        "url": uri.replace("/users/", "/@").replace("/statuses", ""),
        "attributedTo": actor,
        "to": to,
        "cc": cc,
        "sensitive": False,
        "atomUri": uri,
        "inReplyToAtomUri": None,
        "conversation": f"tag:bench,2026-01-01:objectId={number}:objectType=Conversation",
        "content": content,
        "contentMap": {"en": content},
        "attachment": [],
        "tag": [],
        "replies": {
            "id": f"{uri}/replies",
            "type": "Collection",
            "first": {
                "type": "CollectionPage",
                "next": f"{uri}/replies?only_other_accounts=true&page=true",
                "partOf": f"{uri}/replies",
                "items": [],
            },
        },
    }
    activity = {
        "@context": _CONTEXT,
        "id": f"{uri}/activity",
        "type": "Create",
        "actor": actor,
        "published": published,
        "to": to,
        "cc": cc,
        "object": note,
    }
    return orjson.dumps(activity)


def actor_document(uri: str, public_key_pem: str) -> dict[str, Any]:
    """Give the document of a remote person."""
    origin, _, name = uri.partition("/users/")
    return {
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            "https://w3id.org/security/v1",
        ],
        "id": uri,
        "type": "Person",
        "preferredUsername": name,
        "name": name.capitalize(),
        "summary": "<p>Writes for a benchmark.</p>",
        "url": f"{origin}/@{name}",
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "following": f"{uri}/following",
        "endpoints": {"sharedInbox": f"{origin}/inbox"},
        "manuallyApprovesFollowers": False,
        "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": public_key_pem},
    }
