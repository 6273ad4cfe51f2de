"""A peer that claims what is not its own, behind the door: nothing here changes."""
# ruff: noqa: F811 - fixtures have the names of arguments

import gzip
from collections.abc import Callable

import orjson
import pytest

from storage.accounts import ACCOUNT_BY_URI
from tests.federation.conftest import MAX_DOCUMENT_BYTES
from tests.federation.fake_peer import (
    PUBLIC,
    Json,
)
from tests.federation.hostile_scene import (  # noqa: F401 - fixtures
    Scene,
    elsewhere,
    scene,
    server,
    undo_of_a_follow,
)
from tests.federation.processing import state, take


def _accept_by_id(scene: Scene) -> Json:
    return scene.mallory.activity("Accept", 50, object=scene.follow_of_alice)


def _reject_by_id(scene: Scene) -> Json:
    return scene.mallory.activity("Reject", 50, object=scene.follow_of_alice)


def _accept_of_a_follow_that_never_was(scene: Scene) -> Json:
    follow = {
        "id": f"{scene.server.base_url}/activities/404",
        "type": "Follow",
        "actor": f"{scene.server.base_url}/actor",
        "object": scene.mallory.uri,
    }
    return scene.mallory.activity("Accept", 50, object=follow)


def _accept_with_the_id_of_another_follow(scene: Scene) -> Json:
    follow = {
        "id": scene.follow_of_alice,
        "type": "Follow",
        "actor": scene.alice.uri,
        "object": scene.mallory.uri,
    }
    return scene.mallory.activity("Accept", 50, object=follow)


def _delete_of_a_neighbours_status(scene: Scene) -> Json:
    return scene.mallory.activity("Delete", 50, object=scene.note_of_victor)


def _delete_of_a_neighbour(scene: Scene) -> Json:
    return scene.mallory.activity("Delete", 50, object=scene.victor.uri)


def _update_of_a_neighbours_status(scene: Scene) -> Json:
    forged = scene.mallory.note(2, content="<p>Owned</p>", updated="2026-11-02T12:00:00Z")
    return scene.mallory.activity("Update", 50, object=forged)


def _update_that_gives_a_status_away(scene: Scene) -> Json:
    given = scene.victor.note(1, content="<p>Owned</p>", updated="2026-11-02T12:00:00Z")
    return scene.mallory.activity("Update", 50, object=given)


def _create_over_a_neighbours_status(scene: Scene) -> Json:
    return scene.mallory.create(50, object=scene.mallory.note(2, content="<p>Owned</p>"))


def _create_of_what_was_deleted_here(scene: Scene) -> Json:
    return scene.mallory.create(50, object=f"{scene.alice.uri}/statuses/404")


def _create_for_a_neighbour(scene: Scene) -> Json:
    return scene.mallory.create(50, object=scene.victor.note(2, content="<p>Owned</p>"))


def _like_of_a_hidden_status(scene: Scene) -> Json:
    return scene.mallory.activity("Like", 50, object=scene.note_of_alice)


def _boost_of_a_hidden_status(scene: Scene) -> Json:
    return scene.mallory.activity("Announce", 50, object=scene.note_of_alice, to=[PUBLIC])


def _boost_of_a_boost_here(scene: Scene) -> Json:
    return scene.mallory.activity(
        "Announce", 50, object=f"{scene.note_of_alice}/activity", to=[PUBLIC]
    )


def _block_of_a_stranger(scene: Scene) -> Json:
    return scene.mallory.activity("Block", 50, object=scene.eve.uri)


def _follow_of_a_stranger(scene: Scene) -> Json:
    return scene.mallory.activity("Follow", 50, object=scene.eve.uri)


def _follow_of_herself(scene: Scene) -> Json:
    return scene.mallory.activity("Follow", 50, object=scene.mallory.uri)


def _flag_of_a_stranger(scene: Scene) -> Json:
    return scene.mallory.activity("Flag", 50, object=[scene.victor.uri, scene.note_of_victor])


def _create_of_an_activity(scene: Scene) -> Json:
    like = scene.victor.activity("Like", 51, object=scene.note_of_alice)
    return scene.mallory.create(50, object=like)


def _create_of_an_actor(scene: Scene) -> Json:
    return scene.mallory.create(50, object=scene.mallory.document(name="Owned"))


def _create_of_something_unknown(scene: Scene) -> Json:
    note = scene.mallory.note(50, type="Hologram", cc=[scene.alice.uri])
    return scene.mallory.create(50, object=note)


@pytest.mark.parametrize(
    "make",
    [
        _accept_by_id,
        _reject_by_id,
        _accept_of_a_follow_that_never_was,
        _accept_with_the_id_of_another_follow,
        undo_of_a_follow,
        _delete_of_a_neighbours_status,
        _delete_of_a_neighbour,
        _update_of_a_neighbours_status,
        _update_that_gives_a_status_away,
        _create_over_a_neighbours_status,
        _create_of_what_was_deleted_here,
        _create_for_a_neighbour,
        _like_of_a_hidden_status,
        _boost_of_a_hidden_status,
        _boost_of_a_boost_here,
        _block_of_a_stranger,
        _follow_of_a_stranger,
        _follow_of_herself,
        _flag_of_a_stranger,
        _create_of_an_activity,
        _create_of_an_actor,
        _create_of_something_unknown,
    ],
)
async def test_what_is_not_theirs_stays_as_it_is(
    scene: Scene, make: Callable[[Scene], Json]
) -> None:
    before = await state(scene.server)
    item = await take(scene.server, scene.peer, scene.mallory, make(scene))
    assert item.outcome in ("ignored", "refused", "duplicate"), item.reason
    assert await state(scene.server) == before
    assert scene.elsewhere.asked == []


async def test_a_report_changes_nothing_but_the_list_of_reports(scene: Scene) -> None:
    before = await state(scene.server)
    flag = scene.mallory.activity("Flag", 50, object=[scene.alice.uri, scene.note_of_alice])
    item = await take(scene.server, scene.peer, scene.mallory, flag)
    assert item.outcome == "done", item.reason
    after = await state(scene.server)
    assert [row for row in after if not row.startswith("reports ")] == before
    assert len(after) == len(before) + 1
    assert scene.elsewhere.asked == []


async def test_an_embedded_object_of_another_counts_as_its_origin_has_it(scene: Scene) -> None:
    real = scene.eve.note(70, content="<p>What Eve wrote</p>")
    scene.elsewhere.serve("/notes/70", real)
    forged = scene.eve.note(70, content="<p>Owned</p>", cc=[scene.alice.uri])
    boost = scene.mallory.activity("Announce", 50, object=forged, to=[PUBLIC])
    for activity in (scene.mallory.create(51, object=forged), boost):
        await take(scene.server, scene.peer, scene.mallory, activity)
    rows = await state(scene.server)
    assert not [row for row in rows if "Owned" in row]
    (note,) = [row for row in rows if "What Eve wrote" in row]
    eve = await scene.server.ctx.db.one(ACCOUNT_BY_URI, scene.eve.uri)
    assert eve is not None
    assert f'"account_id": {eve.id}' in note


def _page(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70), content_type="text/html")


def _plain_json(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70), content_type="application/json")


def _unprofiled(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70), content_type="application/ld+json")


def _id_of_mallory(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.mallory.note(70))


def _id_that_leads_elsewhere(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(71))
    scene.elsewhere.serve("/notes/71", scene.eve.note(70))


def _author_of_another_origin(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70, attributedTo=scene.mallory.uri))


def _no_author(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70, attributedTo=None))


def _moved_to_another_origin(scene: Scene) -> None:
    scene.peer.serve("/notes/70", scene.eve.note(70))
    location = {"Location": f"{scene.peer.base_url}/notes/70"}
    scene.elsewhere.serve("/notes/70", b"", status=302, headers=location)


def _not_an_object(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.create(70, id=f"{scene.eve.base_url}/notes/70"))


def _two_meanings(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70) | {"@graph": [scene.eve.note(71)]})


def _too_large(scene: Scene) -> None:
    scene.elsewhere.serve("/notes/70", scene.eve.note(70, summary="x" * MAX_DOCUMENT_BYTES))


def _packed_too_large(scene: Scene) -> None:
    body = gzip.compress(orjson.dumps(scene.eve.note(70, summary="x" * 100 * MAX_DOCUMENT_BYTES)))
    scene.elsewhere.serve("/notes/70", body, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "spoil",
    [
        _page,
        _plain_json,
        _unprofiled,
        _id_of_mallory,
        _id_that_leads_elsewhere,
        _author_of_another_origin,
        _no_author,
        _moved_to_another_origin,
        _not_an_object,
        _two_meanings,
        _too_large,
        _packed_too_large,
    ],
)
async def test_a_boost_does_not_bring_what_is_not_to_be_believed(
    scene: Scene, spoil: Callable[[Scene], None]
) -> None:
    spoil(scene)
    before = await state(scene.server)
    uri = f"{scene.elsewhere.base_url}/notes/70"
    boost = scene.mallory.activity("Announce", 50, object=uri, to=[PUBLIC])
    item = await take(scene.server, scene.peer, scene.mallory, boost)
    assert item.outcome == "refused", item.reason
    assert await state(scene.server) == before
    assert scene.elsewhere.times_asked("/notes/70") > 0
