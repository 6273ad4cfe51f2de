"""WebFinger documents and handles."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.errors import DocumentError
from activitypub.webfinger import Handle, jrd, parse_handle, parse_jrd, webfinger_url

ACTOR = "https://remote.example/users/alice"
PROFILE = "https://remote.example/@alice"
TEMPLATE = "https://remote.example/authorize_interaction?uri={uri}"
LD_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice@remote.example", "alice@remote.example"),
        ("@alice@remote.example", "alice@remote.example"),
        ("acct:alice@remote.example", "alice@remote.example"),
        ("ACCT:Al_ice.x-1@Remote.EXAMPLE", "Al_ice.x-1@remote.example"),
        (" @alice@remote.example. ", "alice@remote.example"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@BÜCHER.example", "alice@xn--bcher-kva.example"),
        ("alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example"),
        ("alice@localhost:8080", "alice@localhost:8080"),
        ("alice@remote.example:443", "alice@remote.example"),
        ("alice@127.0.0.1:3000", "alice@127.0.0.1:3000"),
    ],
)
def test_handles_are_read_and_normalised(text: str, expected: str) -> None:
    handle = parse_handle(text)
    assert str(handle) == expected
    assert handle.acct == f"acct:{expected}"
    assert parse_handle(handle.acct) == handle


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "alice",
        "@alice",
        "alice@",
        "@@remote.example",
        "al ice@remote.example",
        "älice@remote.example",
        f"{'a' * 65}@remote.example",
        "alice@remote.example@other.example",
        "alice@remote.example/path",
        "alice@remote..example",
        "alice@-remote.example",
        "alice@re_mote.example",
        "alice@[::1]",
        "alice@remote.example:",
        "alice@remote.example:0",
        "alice@remote.example:65536",
        "alice@remote.example:\uff18\uff10",
        "alice@remote.example:8080:1",
        "alice@remote.example\uff0fpath",
        "alice@other.example\uff20remote.example",
        f"alice@{'a' * 64}.example",
        f"alice@{'a.' * 130}example",
        "alice@xn--\u00fc.example",
        "alice@xn--zzzzzzz999999.example",
        "https://remote.example/@alice",
        "a" * 1000,
    ],
)
def test_other_text_is_no_handle(text: str) -> None:
    with pytest.raises(DocumentError):
        parse_handle(text)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_handle_read_is_ascii_and_stable(text: str) -> None:
    for candidate in (text, "a@" + text):
        try:
            handle = parse_handle(candidate)
        except DocumentError:
            continue
        assert str(handle).isascii()
        assert parse_handle(str(handle)) == handle


def test_webfinger_url_keeps_what_a_query_may_hold() -> None:
    assert webfinger_url("https://remote.example", "acct:alice@remote.example") == (
        "https://remote.example/.well-known/webfinger?resource=acct:alice@remote.example"
    )
    assert webfinger_url("https://remote.example", "https://remote.example/?a=1&b=2#c").endswith(
        "resource=https://remote.example/%3Fa%3D1%26b%3D2%23c"
    )


def full_jrd() -> dict[str, object]:
    return jrd(
        Handle("alice", "remote.example"),
        actor_uri=ACTOR,
        profile_url=PROFILE,
        subscribe_template=TEMPLATE,
        avatar_url="https://media.example/a.png",
        avatar_type="image/png",
    )


def test_own_document_has_what_peers_look_for() -> None:
    assert full_jrd() == {
        "subject": "acct:alice@remote.example",
        "aliases": [PROFILE, ACTOR],
        "links": [
            {
                "rel": "http://webfinger.net/rel/profile-page",
                "type": "text/html",
                "href": PROFILE,
            },
            {"rel": "self", "type": "application/activity+json", "href": ACTOR},
            {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": TEMPLATE},
            {
                "rel": "http://webfinger.net/rel/avatar",
                "type": "image/png",
                "href": "https://media.example/a.png",
            },
        ],
    }


def test_own_document_reads_back() -> None:
    read = parse_jrd(full_jrd())
    assert read.subject == Handle("alice", "remote.example")
    assert read.aliases == (PROFILE, ACTOR)
    assert (read.actor_uri, read.profile_url) == (ACTOR, PROFILE)
    assert read.subscribe_template == TEMPLATE


def test_one_address_for_actor_and_profile_is_one_alias() -> None:
    document = jrd(Handle("a", "b.example"), actor_uri=ACTOR, profile_url=ACTOR)
    assert document["aliases"] == [ACTOR]
    assert parse_jrd(document).subscribe_template is None


@pytest.mark.parametrize(
    ("media_type", "found"),
    [
        ("application/activity+json", True),
        ("Application/Activity+JSON; charset=utf-8", True),
        (LD_JSON, True),
        ("application/ld+json", False),
        ("application/json", False),
        ("text/html", False),
        (None, False),
        (1, False),
        ("application/activity+json" + " " * 300, False),
    ],
)
def test_self_link_needs_an_activitypub_type(media_type: object, found: bool) -> None:
    read = parse_jrd({"links": [{"rel": "self", "type": media_type, "href": ACTOR}]})
    assert read.actor_uri == (ACTOR if found else None)


@pytest.mark.parametrize(
    "href",
    [
        None,
        1,
        "",
        "/users/alice",
        "ftp://remote.example/",
        "javascript:alert(1)",
        "https://u:p@remote.example/",
        "https://remote.example/ x",
        "https://remote.example/\n",
        "https://[::1/",
        "https://remote.example:x/",
        "https://remote.example/" + "x" * 2048,
        [ACTOR],
    ],
)
def test_unfit_actor_uri_counts_as_absent(href: object) -> None:
    link = {"rel": "self", "type": "application/activity+json", "href": href}
    assert parse_jrd({"links": [link]}).actor_uri is None
    good = {**link, "href": ACTOR}
    assert parse_jrd({"links": [link, good]}).actor_uri == ACTOR


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"subject": 1, "aliases": "x", "links": {}},
        {"subject": "x" * 1000, "aliases": [1, None, {}], "links": [1, None, "x", []]},
        {"subject": ["acct:a@b"], "links": [{}, {"rel": []}, {"rel": "self"}]},
        {"links": [{"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "https://a.b/"}]},
    ],
)
def test_hostile_documents_read_as_empty(document: Any) -> None:
    read = parse_jrd(document)
    assert read.subject is None
    assert read.aliases == ()
    assert (read.actor_uri, read.profile_url, read.subscribe_template) == (None, None, None)


def test_long_lists_are_cut() -> None:
    late = {"rel": "self", "type": "application/activity+json", "href": ACTOR}
    read = parse_jrd({"aliases": [ACTOR] * 1000, "links": [{"rel": "x"}] * 100 + [late]})
    assert len(read.aliases) == 32
    assert read.actor_uri is None


@pytest.mark.parametrize("document", [None, [], "x", 1])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(DocumentError):
        parse_jrd(document)
