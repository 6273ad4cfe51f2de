"""Documents that two readers would understand in two ways."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub.errors import Untrusted
from activitypub.trust import refuse_confusing
from tests.activitypub.vocabulary import json_values

AS = "https://www.w3.org/ns/activitystreams"
EVIL = "https://evil.example/ns#"


def inline(context: Any) -> dict[str, Any]:
    return {"@context": [AS, context], "id": "https://a.example/1", "type": "Note"}


@pytest.mark.parametrize(
    "part",
    [
        {"@graph": []},
        {"@included": []},
        {"@reverse": {}},
        {"@nest": {}},
        {"@id": "https://a.example/2"},
        {"@type": "Note"},
        {"object": {"@id": "https://a.example/2"}},
        {"tag": [[{"@graph": []}]]},
        {"object": {"@reverse": {"actor": "https://a.example/ann"}}},
    ],
)
def test_keywords_that_rearrange_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(Untrusted):
        refuse_confusing({"@context": AS, "type": "Create", **part})


@pytest.mark.parametrize(
    "context",
    [
        {"actor": f"{EVIL}actor"},
        {"actor": "as:object"},
        {"actor": None},
        {"actor": {"@id": "as:actor", "@container": "@graph"}},
        {"object": {"@id": "as:object", "@container": ["@index", "@set"]}},
        {"object": {"@reverse": "as:object"}},
        {"object": {"@id": "as:object", "@context": {"actor": "as:object"}}},
        {"object": {"@type": "@id"}},
        {"attributedTo": f"{EVIL}author"},
        {"to": "as:cc"},
        {"Note": f"{EVIL}Note"},
        {"Create": "as:Like"},
        {"owner": f"{EVIL}owner"},
        {"publicKey": f"{EVIL}publicKey"},
        {"inbox": "as:outbox"},
        {"id": f"{EVIL}id"},
        {"type": "@id"},
        {"name": "@id"},
        {"who": "@type"},
        {"things": {"@id": "@graph"}},
        {"as": EVIL},
        {"as": {"@id": EVIL, "@prefix": True}},
        {"sec": EVIL},
        {"@import": "https://evil.example/context"},
        {"@base": "https://evil.example/"},
        {"@propagate": False},
        None,
        [{"as": EVIL}],
        7,
    ],
)
def test_contexts_that_change_what_we_read_are_refused(context: Any) -> None:
    with pytest.raises(Untrusted):
        refuse_confusing(inline(context))
    with pytest.raises(Untrusted):
        refuse_confusing({"@context": AS, "type": "Create", "object": inline(context)})


@pytest.mark.parametrize(
    "context",
    [
        {"sensitive": "as:sensitive", "Hashtag": "as:Hashtag"},
        {"as": f"{AS}#", "actor": {"@id": f"{AS}#actor", "@type": "@id"}},
        {"movedTo": {"@id": "as:movedTo", "@type": "@id"}},
        {"id": "@id", "type": "@type"},
        {"inbox": {"@id": "ldp:inbox", "@type": "@id"}},
        {"sec": "https://w3id.org/security#", "publicKey": "sec:publicKey"},
        {"assertionMethod": {"@id": "sec:assertionMethod", "@container": "@set"}},
        {"location": {"@id": "sc:location"}, "sc": "http://schema.org#"},
        {"ChatMessage": "litepub:ChatMessage", "litepub": "http://litepub.social/ns#"},
        {"Playlist": "pt:Playlist", "pt": "https://joinpeertube.org/ns#"},
        {"expires": "as:endTime"},
        {"@language": "und"},
        {"@vocab": "_:"},
        {"@version": 1.1},
        "https://unheard.example/context",
    ],
)
def test_contexts_that_only_add_or_repeat_are_fine(context: Any) -> None:
    refuse_confusing(inline(context))


def test_typed_values_are_fine() -> None:
    refuse_confusing({"published": {"@type": "xsd:dateTime", "@value": "2026-01-01T00:00:00Z"}})


@pytest.mark.parametrize("context", [None, AS, [], {}])
def test_contexts_may_be_absent_or_empty(context: Any) -> None:
    refuse_confusing({"@context": context, "type": "Note"})


def test_endless_nesting_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(5_000):
        document = {"a": [document]}
    with pytest.raises(Untrusted):
        refuse_confusing(document)


KEYS = st.sampled_from(["@context", "actor", "@id", "@container", "as", "x", "@language", "a:b"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        KEYS,
        st.recursive(
            json_values,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
            max_leaves=15,
        ),
    )
)
def test_any_document_is_passed_or_refused(document: dict[str, Any]) -> None:
    try:
        refuse_confusing(document)
    except Untrusted:
        return
