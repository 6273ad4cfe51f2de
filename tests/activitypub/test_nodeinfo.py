"""NodeInfo: our documents, and reading those of peers."""

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.errors import DocumentError
from activitypub.nodeinfo import (
    Software,
    content_type,
    document,
    links,
    parse_document,
    parse_links,
)

SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"


def own(version: Literal["2.0", "2.1"], **more: Any) -> dict[str, Any]:
    return document(
        version,
        software_name="fedserver",
        software_version="0.1.0",
        users_total=3,
        active_month=2,
        active_halfyear=3,
        local_posts=7,
        open_registrations=True,
        metadata={"nodeName": "Example"},
        **more,
    )


def test_discovery_offers_both_schemas() -> None:
    assert links("https://local.example") == {
        "links": [
            {"rel": SCHEMA + "2.0", "href": "https://local.example/nodeinfo/2.0"},
            {"rel": SCHEMA + "2.1", "href": "https://local.example/nodeinfo/2.1"},
        ]
    }


def test_document_has_all_that_schema_2_0_requires() -> None:
    assert own("2.0", repository="https://code.example/", homepage="https://home.example/") == {
        "version": "2.0",
        "software": {"name": "fedserver", "version": "0.1.0"},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "usage": {
            "users": {"total": 3, "activeMonth": 2, "activeHalfyear": 3},
            "localPosts": 7,
        },
        "openRegistrations": True,
        "metadata": {"nodeName": "Example"},
    }


def test_schema_2_1_tells_repository_and_homepage() -> None:
    software = own("2.1", repository="https://code.example/", homepage="https://home.example/")
    assert software["version"] == "2.1"
    assert software["software"] == {
        "name": "fedserver",
        "version": "0.1.0",
        "repository": "https://code.example/",
        "homepage": "https://home.example/",
    }
    assert own("2.1")["software"] == {"name": "fedserver", "version": "0.1.0"}


def test_content_type_names_the_schema() -> None:
    assert content_type("2.1") == f'application/json; profile="{SCHEMA}2.1#"; charset=utf-8'


def test_own_documents_read_back() -> None:
    assert parse_links(links("https://local.example")) == "https://local.example/nodeinfo/2.1"
    assert parse_document(own("2.0")) == Software("fedserver", "0.1.0")


def test_the_newest_known_schema_is_taken() -> None:
    offered = [
        {"rel": SCHEMA + "1.0", "href": "https://a.example/1.0"},
        {"rel": SCHEMA + "2.0", "href": "https://a.example/2.0"},
        {"rel": SCHEMA + "9.9", "href": "https://a.example/9.9"},
        {"rel": SCHEMA + "2.0", "href": "https://a.example/again"},
    ]
    assert parse_links({"links": offered}) == "https://a.example/2.0"
    assert parse_links({"links": offered[:1]}) == "https://a.example/1.0"


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        {"links": {}},
        {"links": [None, 1, [], {}, {"rel": SCHEMA + "2.0"}, {"href": "https://a.example/"}]},
        {"links": [{"rel": [], "href": "https://a.example/"}]},
        {"links": [{"rel": SCHEMA + "2.0", "href": "file:///etc/passwd"}]},
        {"links": [{"rel": SCHEMA + "2.0", "href": "/nodeinfo/2.0"}]},
        {"links": [{}] * 100 + [{"rel": SCHEMA + "2.0", "href": "https://a.example/"}]},
    ],
)
def test_hostile_discovery_offers_nothing(found: object) -> None:
    assert parse_links(found) is None


@pytest.mark.parametrize(
    ("software", "expected"),
    [
        ({"name": "Mastodon", "version": "4.5.3+glitch"}, Software("mastodon", "4.5.3+glitch")),
        ({"name": "gotosocial"}, Software("gotosocial", "")),
        ({"name": "x", "version": 4}, Software("x", "")),
        ({"name": "x", "version": "1" * 200}, Software("x", "")),
        ({"name": "x", "version": "1\n2"}, Software("x", "")),
        ({"name": "snac.2-x_y", "version": ""}, Software("snac.2-x_y", "")),
    ],
)
def test_software_is_read(software: object, expected: Software) -> None:
    assert parse_document({"software": software}) == expected


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        {"software": "mastodon"},
        {"software": {}},
        {"software": {"name": 1}},
        {"software": {"name": ""}},
        {"software": {"name": "<b>"}},
        {"software": {"name": "a b"}},
        {"software": {"name": "x" * 65}},
    ],
)
def test_document_without_a_usable_name_is_refused(found: object) -> None:
    with pytest.raises(DocumentError):
        parse_document(found)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["links", "software", "name", "rel", "href"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON_VALUES)
def test_any_json_is_read_or_refused(value: object) -> None:
    assert parse_links(value) is None
    try:
        parse_document(value)
    except DocumentError:
        return
    assert isinstance(value, dict)
