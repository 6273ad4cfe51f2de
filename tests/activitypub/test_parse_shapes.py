"""The many shapes of one property, limits, and what hostile documents may do: nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub import parse
from activitypub.addressing import PUBLIC
from activitypub.errors import DocumentError
from activitypub.model import Activity, Actor, Collection, Link, Object, Tombstone
from activitypub.parse import limits
from tests.activitypub.vocabulary import SAMPLE_NAMES, json_values, sample

ID = "https://a.example/1"
ANN, BEN = "https://a.example/ann", "https://b.example/ben"


def note(**properties: Any) -> Object:
    return parse.parse_object({"id": ID, "type": "Note", **properties})


def actor(**properties: Any) -> Actor:
    return parse.parse_actor({"id": ANN, "type": "Person", **properties})


@pytest.mark.parametrize(
    "value",
    [ANN, [ANN], {"id": ANN}, [{"id": ANN, "type": "Person"}], [ANN, ANN], [None, ANN, 7, "x"]],
)
def test_ids_come_in_many_shapes(value: Any) -> None:
    assert note(attributedTo=value).attributed_to == (ANN,)
    assert note(to=value).to == (ANN,)


@pytest.mark.parametrize("spelling", [PUBLIC, "as:Public", "Public", ["as:Public", PUBLIC]])
def test_public_is_normalised(spelling: Any) -> None:
    assert note(to=spelling).to == (PUBLIC,)


@pytest.mark.parametrize(
    "id_",
    [
        None,
        "",
        7,
        [],
        {},
        {"id": ID},
        [ID],
        "a.example/1",
        "/1",
        "did:key:z6Mk",
        "ap+ef61://did:key:z6Mk/1",
        "urn:uuid:1",
        "javascript:alert(1)",
        "ftp://a.example/1",
        "https://user@a.example/1",
        "https://a.example\\@b.example/1",
        "https://a.example/ 1",
        "https://a.example/\n1",
        "https:///1",
        f"https://a.example/{'x' * 2048}",
    ],
)
def test_unusable_ids_are_refused_or_left_out(id_: Any) -> None:
    document = {"id": id_, "type": "Note"}
    with pytest.raises(DocumentError):
        parse.parse_object(document)
    with pytest.raises(DocumentError):
        parse.parse_actor({"id": id_, "type": "Person"})
    assert parse.parse_activity({"id": id_, "type": "Like"}).id is None


@pytest.mark.parametrize(
    ("type_", "found"),
    [("Note", "Note"), (["Note"], "Note"), (["x:Y", "Note"], "Note"), (["x:Y", "z"], "x:Y")],
)
def test_the_first_known_type_counts(type_: Any, found: str) -> None:
    assert parse.parse_object({"id": ID, "type": type_}).type == found


@pytest.mark.parametrize("type_", [None, "", [], {}, 7, [7, None], "x" * 200])
def test_a_type_is_needed(type_: Any) -> None:
    for read in (parse.parse_object, parse.parse_activity, parse.parse_any):
        with pytest.raises(DocumentError):
            read({"id": ID, "type": type_})


@pytest.mark.parametrize(
    "type_", ["Person", "Create", "Collection", "Tombstone", ["Create", "Note"]]
)
def test_no_document_is_read_as_what_it_is_not(type_: Any) -> None:
    with pytest.raises(DocumentError):
        parse.parse_object({"id": ID, "type": type_})


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"type": "Note"}, Object),
        ({"type": "Person"}, Actor),
        ({"type": "Like"}, Activity),
        ({"type": "OrderedCollection"}, Collection),
        ({"type": "Tombstone"}, Tombstone),
        ({"type": "x:Unheard", "actor": ANN}, Activity),
        ({"type": "x:Unheard", "inbox": ANN}, Actor),
        ({"type": "x:Unheard"}, Object),
    ],
)
def test_any_document_is_read_as_its_type_says(document: dict[str, Any], kind: type) -> None:
    assert isinstance(parse.parse_any({"id": ID, **document}), kind)


def test_blind_recipients_are_never_kept() -> None:
    assert "bto" not in note(bto=ANN, bcc=[BEN]).unknown
    assert "bcc" not in parse.parse_activity({"type": "Like", "bcc": ANN}).unknown


def test_unknown_properties_are_kept() -> None:
    assert note(**{"toot:x": [1], "@context": "x"}).unknown == {"toot:x": [1]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.5+02:00", datetime(2026, 1, 2, 1, 4, 5, 500_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (["2026-01-02T03:04:05Z"], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59.999999Z", None),
        ("1901-01-01T00:00:00Z", datetime(1901, 1, 1, tzinfo=UTC)),
        ("2026-13-01T00:00:00Z", None),
        (1_700_000_000, None),
        ("", None),
        ({}, None),
    ],
)
def test_times(value: Any, expected: datetime | None) -> None:
    assert note(published=value).published == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PT754S", 754.0),
        ("PT1H2M3.5S", 3723.5),
        ("P1DT1S", 86_401.0),
        ("PT0S", 0.0),
        ("P", None),
        ("PT", None),
        ("P1Y", None),
        ("-PT1S", None),
        ("PT99999999999S", None),
        (7, None),
    ],
)
def test_durations(value: Any, expected: float | None) -> None:
    assert note(duration=value).duration_s == expected


def test_urls_of_several_links() -> None:
    page, video = "https://a.example/w", "https://a.example/v.mp4"
    found = note(url=[{"type": "Link", "href": video, "mediaType": "video/mp4"}, page, "magnet:x"])
    assert (found.url, found.urls) == (page, (Link(video, "video/mp4"), Link(page)))
    assert note(url={"type": "Link", "href": page}).url == page
    assert note(url=[page]).urls == ()
    assert note(url="javascript:alert(1)").url is None


def test_the_language_of_an_activity_is_that_of_its_object() -> None:
    create = parse.parse_activity(
        {
            "@context": ["https://www.w3.org/ns/activitystreams", {"@language": "fr"}],
            "type": "Create",
            "object": {"id": ID, "type": "Note", "content": "salut"},
        }
    )
    assert isinstance(create.object, Object)
    assert create.object.language == "fr"


@pytest.mark.parametrize("tag", ["und", "", "not a tag", None])
def test_no_language_is_no_language(tag: Any) -> None:
    assert note(**{"@context": {"@language": tag}, "content": "x"}).language is None


def test_only_a_map_is_enough() -> None:
    found = note(contentMap={"de": "hallo", "bad tag": "x", "en": 7})
    assert (found.content, found.language) == ("hallo", "de")
    assert found.content_map == {"de": "hallo"}


def test_language_tagged_values_are_read() -> None:
    assert note(content={"@value": "hi", "@language": "en"}).content == "hi"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([0, 1], (0.0, 1.0)),
        ([-5, 10**400], (-1.0, 1.0)),
        ([float("nan"), 0], None),
        (["0", 0], None),
        ([True, 0], None),
        ([0], None),
        (None, None),
    ],
)
def test_focal_points(value: Any, expected: Any) -> None:
    attachment = {"type": "Image", "url": ID, "focalPoint": value}
    assert note(attachment=attachment).attachments[0].focal_point == expected


def test_attachments_without_an_address_are_left_out() -> None:
    useless: list[Any] = [{"type": "Image"}, {"url": "data:,x"}, "file:///etc/passwd", None, 7, []]
    assert note(attachment=useless).attachments == ()


@pytest.mark.parametrize(
    "tag",
    [
        {"type": "Mention"},
        {"type": "Mention", "href": "x"},
        {"type": "Hashtag", "name": "#"},
        {"type": "Hashtag", "name": 7},
        {"type": "Emoji", "name": ":a b:", "icon": {"url": ID}},
        {"type": "Emoji", "name": ":a:"},
        {"type": "Emoji", "name": ':"onerror=:', "icon": {"url": ID}},
        {"type": "Emoji", "name": ":a:", "icon": {"url": "javascript:1"}},
        {"type": []},
        "x",
        None,
    ],
)
def test_unusable_tags_are_left_out(tag: Any) -> None:
    found = note(tag=tag)
    assert (found.mentions, found.hashtags, found.emojis) == ((), (), ())


def test_an_embedded_document_that_is_unusable_is_its_id() -> None:
    person_without_inbox = {"id": ANN, "type": "Person"}
    for value in (person_without_inbox, {"id": ANN}, {"id": ANN, "type": 7}):
        assert parse.parse_activity({"type": "Follow", "object": value}).object == ANN
    assert parse.parse_activity({"type": "Follow", "object": {"type": "Note"}}).object is None


def test_nesting_ends_with_ids() -> None:
    document: dict[str, Any] = {"id": f"{ID}/9", "type": "Announce", "object": ID}
    for level in range(8, -1, -1):
        document = {"id": f"{ID}/{level}", "type": "Announce", "object": document}
    found: Any = parse.parse_activity(document)
    levels = 0
    while isinstance(found, Activity):
        levels, found = levels + 1, found.object
    assert levels == limits.MAX_NESTED_DOCUMENTS
    assert found == f"{ID}/{levels}"


@pytest.mark.parametrize(
    ("properties", "field", "length"),
    [
        ({"tag": [{"type": "Hashtag", "name": "x"}] * 600}, "hashtags", limits.MAX_TAGS),
        ({"attachment": [{"url": ID}] * 200}, "attachments", limits.MAX_ATTACHMENTS),
        ({"to": [f"{ID}/{n}" for n in range(1500)]}, "to", limits.MAX_RECIPIENTS),
        ({"attributedTo": [f"{ID}/{n}" for n in range(99)]}, "attributed_to", limits.MAX_AUTHORS),
        ({"url": [ID] * 99}, "urls", limits.MAX_LINKS),
        ({"name": "x" * 9999}, "name", limits.MAX_NAME_CHARS),
        ({"summary": "x" * 99_999}, "summary", limits.MAX_SUMMARY_CHARS),
        ({f"x{n}": n for n in range(300)}, "unknown", limits.MAX_UNKNOWN),
    ],
)
def test_what_is_over_the_limit_is_cut(properties: dict[str, Any], field: str, length: int) -> None:
    assert len(getattr(note(**properties), field)) == length


def test_actors_have_limits_too() -> None:
    row = {"type": "PropertyValue", "name": "a", "value": "b"}
    key = {"id": f"{ANN}#k", "owner": ANN, "publicKeyPem": "x"}
    found = actor(
        attachment=[row] * 60,
        alsoKnownAs=[f"{ID}/{n}" for n in range(300)],
        publicKey=[key] * 20,
    )
    assert len(found.fields) == limits.MAX_FIELDS
    assert len(found.also_known_as) == limits.MAX_ALIASES
    assert len(found.keys) == limits.MAX_KEYS


def test_content_that_is_too_long_is_refused() -> None:
    assert note(content="x" * limits.MAX_CONTENT_CHARS).content
    with pytest.raises(DocumentError):
        note(content="x" * (limits.MAX_CONTENT_CHARS + 1))


@pytest.mark.parametrize(
    "key",
    [
        f"{ANN}#k",
        {"id": f"{ANN}#k"},
        {"id": f"{ANN}#k", "publicKeyPem": "x"},
        {"id": "did:key:z#z", "owner": ANN, "publicKeyPem": "x"},
        {"id": f"{ANN}#k", "owner": ANN, "publicKeyPem": "x" * 20_000},
        {"id": f"{ANN}#k", "owner": [], "publicKeyPem": "x"},
    ],
)
def test_unusable_keys_are_left_out(key: Any) -> None:
    assert actor(publicKey=key, assertionMethod=[key]).keys == ()


@pytest.mark.parametrize(
    ("document", "owner"),
    [
        ({"id": f"{ANN}#k", "owner": ANN}, ANN),
        ({"id": f"{ANN}#k", "controller": ANN}, ANN),
        ({"id": ANN, "publicKey": {"owner": ANN}}, ANN),
        ({"id": ANN, "publicKey": [{"owner": ANN}]}, ANN),
        ({"id": ANN, "publicKey": "x"}, None),
        ({}, None),
    ],
)
def test_the_owner_of_a_fetched_key(document: dict[str, Any], owner: str | None) -> None:
    assert parse.key_owner(document) == owner


@pytest.mark.parametrize("flag", ["true", 1, "1", [], {}, None])
def test_only_true_is_true(flag: Any) -> None:
    assert note(sensitive=flag).sensitive is False
    assert actor(suspended=flag).suspended is False


def test_polls() -> None:
    question = {"id": ID, "type": "Question"}
    many = parse.parse_object({**question, "anyOf": [{"name": "a"}, {"name": ""}, 7]})
    assert many.poll is not None
    assert many.poll.multiple
    assert [(one.name, one.votes) for one in many.poll.options] == [("a", 0)]
    assert parse.parse_object({**question, "oneOf": []}).poll is None
    closed = parse.parse_object({**question, "oneOf": {"name": "a"}, "closed": True})
    assert closed.poll is not None
    assert closed.poll.closed is True
    negative = {"name": "a", "replies": {"totalItems": -3}}
    voted = parse.parse_object({**question, "oneOf": [negative]})
    assert voted.poll is not None
    assert voted.poll.options[0].votes == 0


PROPERTIES = st.sampled_from(
    """@context id type actor object attributedTo content contentMap to cc tag url attachment
    icon image publicKey assertionMethod endpoints inbox items orderedItems first oneOf closed
    endTime published duration source inReplyTo context replies name summary href name value
    focalPoint width blurhash updated mediaType owner totalItems alsoKnownAs""".split()
)
TYPES = st.sampled_from(
    "Note Person Create Collection Tombstone Question Mention Hashtag Emoji Link Image".split()
)
HOSTILE_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | TYPES
    | st.sampled_from([ID, PUBLIC, "as:Public", 10**400, "2026-01-01T00:00:00Z", "\ud800"])
)
HOSTILE = st.recursive(
    HOSTILE_SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(PROPERTIES | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=40,
)
READERS = [
    parse.parse_activity,
    parse.parse_actor,
    parse.parse_any,
    parse.parse_collection,
    parse.parse_key,
    parse.parse_object,
    parse.parse_tombstone,
    parse.key_owner,
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(PROPERTIES, HOSTILE, max_size=15), TYPES, st.sampled_from(READERS))
def test_hostile_documents_are_read_or_refused(
    document: dict[str, Any], type_: str, read: Any
) -> None:
    for candidate in (document, {"id": ID, **document, "type": type_}):
        try:
            read(candidate)
        except DocumentError:
            continue


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAMPLE_NAMES), st.data())
def test_samples_with_one_value_replaced_are_read_or_refused(
    name: str, data: st.DataObject
) -> None:
    document = sample(name)
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0]))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
            place = inner
            continue
        place[key] = data.draw(HOSTILE | json_values)
        break
    try:
        parse.parse_any(document)
    except DocumentError:
        return
