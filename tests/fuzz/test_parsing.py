"""Whatever JSON comes: reading it gives a value or a ProtocolError, and the value is bounded."""

import dataclasses
from typing import Any

import pytest
from hypothesis import strategies as st

from activitypub.errors import ProtocolError
from activitypub.json_bytes import loads
from activitypub.jsonld import is_usual, normalise
from activitypub.keys import generate_ed25519_key
from activitypub.parse import (
    limits,
    parse_activity,
    parse_actor,
    parse_any,
    parse_collection,
    parse_object,
    parse_tombstone,
)
from activitypub.trust import authenticate, check_fetched, refuse_confusing
from activitypub.webfinger import parse_jrd
from tests.federation.fake_peer import CONTEXT, PeerActor
from tests.fuzz.documents import Json, as_bytes, junk, run, spoilt, templates

OURS, THEIRS, OTHERS = "https://ours.example", "https://theirs.example", "https://evil.example"
BASES = (OURS, THEIRS, OTHERS)
READERS = (
    parse_activity,
    parse_actor,
    parse_any,
    parse_collection,
    parse_object,
    parse_tombstone,
    parse_jrd,
)


def sources() -> list[Json]:
    key: Any = generate_ed25519_key()
    activities = templates(PeerActor(THEIRS, "mallory", key), f"{OURS}/users/alice")
    inner = [one["object"] for one in activities if isinstance(one["object"], dict)]
    return activities + inner


def read(document: Json) -> None:
    for reader in READERS:
        try:
            found = reader(document)
        except ProtocolError:
            continue
        assert size(found) < 4 * len(as_bytes(document)) + 2_000
    try:
        verified = authenticate(parse_activity(document), f"{THEIRS}/users/mallory")
    except ProtocolError:
        return
    assert verified.signer == f"{THEIRS}/users/mallory"
    assert verified.activity.id.startswith(f"{THEIRS}/")


def receive(raw: bytes) -> None:
    """All that happens to a body before anything is stored."""
    try:
        given = loads(raw)
        document = dict(given if is_usual(given) else normalise(given))
        refuse_confusing(document)
        url = f"{THEIRS}/notes/1"
        check_fetched(
            document, requested_url=url, final_url=url, content_type="application/activity+json"
        )
    except ProtocolError:
        return
    read(document)


def size(value: Any) -> int:
    """How many characters a model holds, without the document it was read from."""
    if isinstance(value, str):
        return len(value)
    if dataclasses.is_dataclass(value):
        names = (field.name for field in dataclasses.fields(value))
        return sum(size(getattr(value, name)) for name in names if name not in ("raw", "unknown"))
    if isinstance(value, dict):
        return sum(size(one) + len(str(key)) for key, one in value.items())
    return sum(map(size, value)) if isinstance(value, list | tuple) else 8


@pytest.mark.fuzz
def test_any_json_is_read_or_refused() -> None:
    objects = st.dictionaries(st.text(max_size=10), junk(BASES), max_size=6)
    run(objects | junk(BASES).filter(lambda one: isinstance(one, dict)), read, 200)


@pytest.mark.fuzz
def test_spoilt_documents_are_read_or_refused() -> None:
    run(spoilt(sources(), BASES).map(as_bytes), receive, 200)


@pytest.mark.fuzz
def test_any_bytes_are_read_or_refused() -> None:
    broken = st.builds(
        lambda raw, at, patch: raw[:at] + patch + raw[at:],
        spoilt(sources(), BASES).map(as_bytes),
        st.integers(0, 2_000),
        st.binary(max_size=4) | st.sampled_from([b'"', b"{", b"[", b"\\u0000", b",", b"\xff"]),
    )
    run(st.binary(max_size=60) | broken, receive, 200)


HUGE_TEXT = "x" * 400_000
HUGE_LIST = [f"https://x.example/{number}" for number in range(5_000)]
HUGE_OBJECTS = [
    {
        "type": kind,
        "name": f":n{number}:",
        "href": url,
        "url": url,
        "value": "v",
        "icon": {"url": url},
    }
    for number, url in enumerate(HUGE_LIST)
    for kind in ("Mention", "Hashtag", "Emoji", "PropertyValue", "Document")
]
# A translation is as long as the content at most, and the document bounds both together.
MOST = 3 * limits.MAX_CONTENT_CHARS
PROPERTIES = """
    alsoKnownAs anyOf assertionMethod attachment attributedTo audience bto cc closed content
    contentMap context conversation duration endTime endpoints featured followers icon image
    inReplyTo inbox mediaType movedTo name nameMap object oneOf outbox preferredUsername publicKey
    published quoteUri replies sensitive source summary summaryMap tag target to updated url value
    votersCount webfinger
""".split()


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize(
    "value",
    [
        HUGE_TEXT,
        HUGE_LIST,
        HUGE_OBJECTS,
        {"en": HUGE_TEXT, "de": HUGE_TEXT},
        {f"a{number}": "x" for number in range(5_000)},
        {"id": "https://x.example/" + HUGE_TEXT, "content": HUGE_TEXT, "mediaType": HUGE_TEXT},
    ],
    ids=["text", "list", "objects", "map", "many", "object"],
)
def test_every_property_has_a_limit(name: str, value: Any) -> None:
    for kind in ("Note", "Person", "Create", "Question"):
        document = {
            "@context": CONTEXT,
            "id": f"{THEIRS}/1",
            "type": kind,
            "actor": f"{THEIRS}/u",
            "inbox": f"{THEIRS}/i",
            name: value,
        }
        for reader in (parse_activity, parse_actor, parse_object):
            try:
                found = reader(document)
            except ProtocolError:
                continue
            assert size(found) < MOST, (kind, reader)
