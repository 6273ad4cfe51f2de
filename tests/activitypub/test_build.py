"""Building documents: what is written, and that parsing gives it back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub import json_bytes, jsonld
from activitypub.addressing import PUBLIC
from activitypub.build import to_document
from activitypub.confusion import refuse_confusing
from activitypub.model import (
    Activity,
    Actor,
    ActorKey,
    Attachment,
    Collection,
    Document,
    Emoji,
    Hashtag,
    Mention,
    Object,
    Poll,
    PollOption,
    PropertyValue,
    Tombstone,
)
from activitypub.parse import parse_any
from tests.activitypub import vocabulary
from tests.activitypub.vocabulary import SAMPLE_NAMES, sample

AUTHOR = "https://a.example/users/ann"
NOTE = Object(
    id="https://a.example/notes/1",
    type="Note",
    attributed_to=(AUTHOR,),
    content="<p>hi</p>",
    language="en",
    to=(PUBLIC,),
    cc=(f"{AUTHOR}/followers",),
    published=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
)
ACTOR = Actor(
    id=AUTHOR,
    type="Person",
    preferred_username="ann",
    inbox=f"{AUTHOR}/inbox",
    shared_inbox="https://a.example/inbox",
    keys=(
        ActorKey(f"{AUTHOR}#main-key", AUTHOR, public_key_pem="PEM"),
        ActorKey(f"{AUTHOR}#ed25519", AUTHOR, multikey="z6Mk"),
    ),
    icon_url="https://a.example/i.png",
    icon_media_type="image/png",
    fields=(PropertyValue("Web", "a.example"),),
)

round_trip = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def written_and_read(value: Document) -> Document:
    return parse_any(json_bytes.loads(json_bytes.dumps(to_document(value))))


@round_trip
@given(vocabulary.objects())
def test_objects_come_back(value: Object) -> None:
    assert written_and_read(value) == value


@round_trip
@given(vocabulary.actors)
def test_actors_come_back(value: Actor) -> None:
    assert written_and_read(value) == value


@round_trip
@given(vocabulary.activities)
def test_activities_come_back(value: Activity) -> None:
    assert written_and_read(value) == value


@round_trip
@given(vocabulary.collections)
def test_collections_come_back(value: Collection) -> None:
    assert written_and_read(value) == value


@round_trip
@given(vocabulary.tombstones)
def test_tombstones_come_back(value: Tombstone) -> None:
    assert written_and_read(value) == value


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_what_peers_write_is_stable_after_one_pass(name: str) -> None:
    once = written_and_read(parse_any(jsonld.normalise(sample(name))))
    assert written_and_read(once) == once


@given(st.one_of(vocabulary.objects(), vocabulary.actors, vocabulary.tombstones))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_we_write_is_usual(value: Document) -> None:
    assert jsonld.is_usual(to_document(value))


@pytest.mark.parametrize("value", [NOTE, ACTOR, Activity(type="EmojiReact", content="x")])
def test_what_we_write_confuses_nobody(value: Document) -> None:
    refuse_confusing(to_document(value))


def test_a_note_has_the_shape_that_mastodon_writes() -> None:
    document = to_document(NOTE)
    assert document.pop("@context")[0] == "https://www.w3.org/ns/activitystreams"
    assert document == {
        "id": "https://a.example/notes/1",
        "type": "Note",
        "content": "<p>hi</p>",
        "contentMap": {"en": "<p>hi</p>"},
        "attributedTo": AUTHOR,
        "published": "2026-01-02T03:04:05Z",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": [f"{AUTHOR}/followers"],
        "attachment": [],
        "tag": [],
        "sensitive": False,
    }


def test_an_actor_has_keys_of_both_kinds_and_endpoints() -> None:
    document = to_document(ACTOR)
    assert document["@context"][:2] == [
        "https://www.w3.org/ns/activitystreams",
        "https://w3id.org/security/v1",
    ]
    assert document["publicKey"] == {
        "id": f"{AUTHOR}#main-key",
        "owner": AUTHOR,
        "publicKeyPem": "PEM",
    }
    assert document["assertionMethod"] == [
        {
            "id": f"{AUTHOR}#ed25519",
            "type": "Multikey",
            "controller": AUTHOR,
            "publicKeyMultibase": "z6Mk",
        }
    ]
    assert document["endpoints"] == {"sharedInbox": "https://a.example/inbox"}
    assert document["icon"] == {
        "type": "Image",
        "mediaType": "image/png",
        "url": "https://a.example/i.png",
    }
    assert document["attachment"] == [
        {"type": "PropertyValue", "name": "Web", "value": "a.example"}
    ]


def test_terms_for_quotes_and_multikeys_come_only_with_them() -> None:
    plain, quoting = to_document(NOTE), to_document(Object(id=AUTHOR, type="Note", quote=AUTHOR))
    assert "quote" not in plain["@context"][1]
    assert "quote" in quoting["@context"][1]
    keyless = to_document(Actor(id=AUTHOR, type="Person"))
    assert "Multikey" not in keyless["@context"][2]
    assert "Multikey" in to_document(ACTOR)["@context"][2]


def test_embedded_documents_have_no_context_of_their_own() -> None:
    document = to_document(Activity(id=AUTHOR, type="Create", actor=AUTHOR, object=NOTE))
    assert "@context" not in document["object"]
    assert "sensitive" in document["@context"][1]


def test_an_activity_without_embedded_terms_has_the_plain_context() -> None:
    follow = Activity(id="https://a.example/1", type="Follow", actor=AUTHOR, object=AUTHOR)
    assert to_document(follow) == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://a.example/1",
        "type": "Follow",
        "actor": AUTHOR,
        "object": AUTHOR,
    }


def test_addressed_activities_have_both_lists() -> None:
    document = to_document(Activity(type="Like", actor=AUTHOR, to=(AUTHOR,)))
    assert (document["to"], document["cc"]) == ([AUTHOR], [])


def test_contexts_of_two_documents_are_not_shared() -> None:
    to_document(NOTE)["@context"][1]["sensitive"] = "changed"
    assert to_document(NOTE)["@context"][1]["sensitive"] == "as:sensitive"


@pytest.mark.parametrize(
    ("kind", "property_"),
    [("Collection", "items"), ("OrderedCollectionPage", "orderedItems")],
)
def test_items_go_where_the_type_says(kind: str, property_: str) -> None:
    assert to_document(Collection(type=kind, items=(AUTHOR,)))[property_] == [AUTHOR]


def test_a_paged_collection_has_no_empty_items() -> None:
    document = to_document(
        Collection(type="OrderedCollection", total_items=3, first="https://a.example/f?page=1")
    )
    assert "orderedItems" not in document
    assert document["totalItems"] == 3


def test_tags_and_media_are_written_in_full() -> None:
    document = to_document(
        Object(
            id=AUTHOR,
            type="Note",
            mentions=(Mention(AUTHOR, "@ann@a.example"),),
            hashtags=(Hashtag("cats", "https://a.example/tags/cats"),),
            emojis=(Emoji("cat", "https://a.example/c.png", media_type="image/png"),),
            attachments=(
                Attachment(
                    "Document",
                    "https://a.example/m.jpg",
                    "image/jpeg",
                    "a cat",
                    focal_point=(0.5, -0.5),
                    duration_s=61.5,
                ),
            ),
        )
    )
    assert document["tag"] == [
        {"type": "Mention", "href": AUTHOR, "name": "@ann@a.example"},
        {"type": "Hashtag", "href": "https://a.example/tags/cats", "name": "#cats"},
        {
            "type": "Emoji",
            "name": ":cat:",
            "icon": {"type": "Image", "mediaType": "image/png", "url": "https://a.example/c.png"},
        },
    ]
    assert document["attachment"] == [
        {
            "type": "Document",
            "mediaType": "image/jpeg",
            "url": "https://a.example/m.jpg",
            "name": "a cat",
            "focalPoint": [0.5, -0.5],
            "duration": "PT61.5S",
        }
    ]


def test_a_poll_is_written_as_mastodon_does() -> None:
    end = datetime(2026, 1, 1, tzinfo=UTC)
    poll = Poll((PollOption("yes", 2), PollOption("no")), end_time=end, voters_count=2)
    document = to_document(Object(id=AUTHOR, type="Question", poll=poll))
    assert document["oneOf"][0] == {
        "type": "Note",
        "name": "yes",
        "replies": {"type": "Collection", "totalItems": 2},
    }
    assert document["endTime"] == "2026-01-01T00:00:00Z"
    assert document["votersCount"] == 2
    assert "closed" not in document


def test_times_are_written_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    value = Object(id=AUTHOR, type="Note", published=datetime(2026, 1, 1, 1, tzinfo=east))
    assert to_document(value)["published"] == "2025-12-31T23:00:00Z"


def test_unknown_properties_never_replace_ours() -> None:
    unknown: dict[str, Any] = {"id": "https://b.example/", "extra": {"a": [1]}}
    document = to_document(Object(id=AUTHOR, type="Note", unknown=unknown))
    assert document["id"] == AUTHOR
    assert document["extra"] == {"a": [1]}
