"""JSON-LD: bundled contexts only, and only where it is needed."""

import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyld import jsonld as pyld
from pyld.documentloader.frozen import BUNDLED_CONTEXTS

from activitypub import jsonld
from activitypub.contexts import bundle
from activitypub.contexts.terms import EVERYTHING
from activitypub.errors import DocumentError
from activitypub.parse import parse_activity, parse_actor, parse_any, parse_object
from tests.activitypub.vocabulary import json_values, sample

AS = "https://www.w3.org/ns/activitystreams"
ID = "https://a.example/1"
OWN = sorted(bundle._OWN_FILES)
EVERY_URL = sorted({*OWN, *bundle._IN_PYLD})


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection and every look-up of a name fail the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("JSON-LD reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_the_list_of_contexts_in_pyld_is_right() -> None:
    assert set(BUNDLED_CONTEXTS) == set(bundle._IN_PYLD)


@pytest.mark.parametrize("url", EVERY_URL)
def test_every_bundled_context_is_json_ld(url: str) -> None:
    assert bundle.is_known(url)
    assert "@context" in bundle.load(url)
    document = {"@context": [AS, url], "id": ID, "type": "Note"}
    assert jsonld.compact(document)["id"] == ID


@pytest.mark.parametrize(
    "url",
    [
        "http://www.w3.org/ns/activitystreams",
        "https://www.w3.org/ns/activitystreams#",
        "https://www.w3.org/ns/activitystreams.jsonld",
        "https://joinmastodon.org/ns#",
        "https://any.example/schemas/litepub-0.1.jsonld",
    ],
)
def test_other_spellings_of_known_contexts(url: str) -> None:
    assert bundle.is_known(url)
    assert bundle.load(url)


@pytest.mark.parametrize("url", ["https://evil.example/c", "", "file:///etc/passwd", "x" * 5000])
def test_unknown_contexts_are_never_loaded(url: str) -> None:
    assert not bundle.is_known(url)
    with pytest.raises(DocumentError, match="unknown remote context"):
        bundle.load(url)
    with pytest.raises(DocumentError):
        jsonld.compact({"@context": [AS, url], "@id": ID, "@type": "Note"})


@pytest.mark.parametrize(
    ("document", "usual"),
    [
        ({"@context": AS, "type": "Note"}, True),
        ({"@context": [AS, {"x": "https://x.example/"}], "type": ["Note"]}, True),
        ({"type": "Note"}, True),
        ({"@context": [AS, "https://unheard.example/c"], "type": "Note"}, False),
        ({"@context": [AS, ["nested"]], "type": "Note"}, False),
        ({"@context": AS, "type": "as:Note"}, False),
        ({"@context": AS, "type": f"{AS}#Note"}, False),
        ({"@context": AS, "@type": "Note"}, False),
        ({"@context": AS, "type": "Note", "@id": ID}, False),
        ({"@context": AS, "type": "Note", "as:content": "x"}, False),
        ({"@context": AS, "type": "Note", f"{AS}#content": "x"}, False),
        ({"@graph": [], "type": "Note"}, False),
        ({"@context": AS}, False),
        ({"@context": AS, "type": 7}, False),
    ],
)
def test_the_usual_form(document: dict[str, Any], usual: bool) -> None:
    assert jsonld.is_usual(document) is usual


def test_a_compact_document_with_an_unknown_context_is_read_as_json() -> None:
    document = {"@context": [AS, "https://unheard.example/c"], "id": ID, "type": "Note"}
    assert jsonld.normalise(document) is document


def test_expanded_documents_are_compacted_to_what_they_say() -> None:
    document = sample("mastodon_create_note")
    options = {"documentLoader": jsonld._bundled}
    expanded = pyld.expand(document, options)[0]
    assert not jsonld.is_usual(expanded)
    found, expected = parse_activity(jsonld.normalise(expanded)), parse_activity(document)
    assert (found.id, found.actor, found.to, found.cc) == (
        expected.id,
        expected.actor,
        expected.to,
        expected.cc,
    )
    note = parse_object(jsonld.compact(expanded)["object"])
    original = parse_object(document["object"])
    for field in (
        "attributed_to",
        "to",
        "summary",
        "mentions",
        "hashtags",
        "emojis",
        "attachments",
    ):
        assert getattr(note, field) == getattr(original, field)


@pytest.mark.parametrize("name", ["mastodon_person", "hollo_person", "misskey_person"])
def test_expanded_actors_keep_their_keys(name: str) -> None:
    document = sample(name)
    expanded = pyld.expand(document, {"documentLoader": jsonld._bundled})[0]
    found, expected = parse_actor(jsonld.normalise(expanded)), parse_actor(document)
    assert found.inbox == expected.inbox
    assert found.shared_inbox == expected.shared_inbox
    assert set(found.keys) == set(expected.keys)


def test_prefixed_documents_are_compacted() -> None:
    document = {
        "@context": AS,
        "@id": ID,
        "@type": "as:Note",
        "as:content": "hi",
        "as:to": {"@id": "as:Public"},
    }
    note = parse_object(jsonld.normalise(document))
    assert (note.id, note.content) == (ID, "hi")
    assert note.to == (f"{AS}#Public",)


@pytest.mark.parametrize(
    "document",
    [
        {"@graph": [{"@id": ID, "@type": f"{AS}#Note"}, {"@id": f"{ID}2", f"{AS}#name": "x"}]},
        {"@context": {"@import": "https://evil.example/c"}, "@id": ID},
        {"@context": {"a": {"@id": "a"}}, "a": 1},
        {"@context": [[[]]], "@type": 7},
        {"@context": {"@version": 7}},
        {"@id": 7},
        {"@type": {"a": "b"}},
        {"@value": 1, "@id": 2},
        {"@context": [AS] * 60, "@id": ID},
        {"@id": ID, f"{AS}#content": "x" * 70_000},
    ],
)
def test_what_is_no_single_small_json_ld_object_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(DocumentError):
        jsonld.compact(document)


def test_compaction_leaves_the_given_document_and_the_contexts_alone() -> None:
    document = sample("expanded_follow")
    before = repr(document), repr(EVERYTHING)
    jsonld.compact(document)
    assert (repr(document), repr(EVERYTHING)) == before


KEYS = st.sampled_from(
    ["@context", "@id", "@type", "@value", "@list", "@graph", "@reverse", "@language", "as:to"]
) | st.text(max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        KEYS,
        st.recursive(
            json_values | st.just(AS),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
            max_leaves=12,
        ),
        max_size=5,
    )
)
def test_hostile_documents_are_compacted_or_refused(document: dict[str, Any]) -> None:
    try:
        parse_any(jsonld.compact(document))
        parse_any(jsonld.normalise(document))
    except DocumentError:
        return
