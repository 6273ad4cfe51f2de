"""Markers and private notes, over HTTP and a real database."""

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture

MARKERS = "/api/v1/markers"


async def test_a_marker_moves_and_counts(here: Here, schema: Schema) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    first = await here.do("POST", MARKERS, alice, json={"home": {"last_read_id": "17"}})
    schema.check("Marker", first["home"])
    assert (first["home"]["last_read_id"], first["home"]["version"]) == ("17", 1)
    form = {"home[last_read_id]": "18", "notifications[last_read_id]": "5"}
    second = await here.do("POST", MARKERS, alice, data=form)
    assert {name: (one["last_read_id"], one["version"]) for name, one in second.items()} == {
        "home": ("18", 2),
        "notifications": ("5", 1),
    }
    asked = {"timeline[]": "home"}
    assert await here.do("GET", MARKERS, alice, params=asked) == {"home": second["home"]}
    assert await here.do("GET", MARKERS, alice) == {}
    assert await here.do("GET", MARKERS, bob, params=asked) == {}


async def test_a_marker_needs_a_number(here: Here) -> None:
    alice = await here.person("alice")
    for wrong in ({}, {"home": {}}, {"home": {"last_read_id": "x"}}):
        assert (await here.send("POST", MARKERS, alice, json=wrong)).status == 422
    assert await here.count("markers") == 0


async def test_a_note_is_for_its_writer_alone(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    path = f"/api/v1/accounts/{bob.id}/note"
    relation = await here.do("POST", path, alice, json={"comment": " met at the fair "})
    assert relation["note"] == "met at the fair"
    ask = f"/api/v1/accounts/relationships?id[]={alice.id}"
    assert (await here.do("GET", ask, bob))[0]["note"] == ""
    too_long = await here.refusal("POST", path, alice, json={"comment": "x" * 2_001})
    assert too_long[0] == 422
    relation = await here.do("POST", path, alice, json={"comment": ""})
    assert relation["note"] == ""
    assert await here.count("account_notes") == 0
