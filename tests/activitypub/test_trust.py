"""Authority: each rule with the attack that it stops."""

import dataclasses
from typing import Any

import pytest

from activitypub.errors import Untrusted
from activitypub.model import Activity, Actor, ActorKey, Collection, Document, Object, Tombstone
from activitypub.parse import parse_activity, parse_actor
from activitypub.trust import (
    Fetched,
    Refetch,
    Verified,
    authenticate,
    check_fetched,
    check_key_owner,
)
from tests.activitypub.vocabulary import sample

ANN = "https://a.example/users/ann"
AMY = "https://a.example/users/amy"
EVE = "https://evil.example/users/eve"
NOTE = "https://a.example/notes/1"
FOREIGN = "https://evil.example/notes/1"
ACTIVITY_JSON = "application/activity+json"


def act(type_: str, object_: str | Document | None, **changes: Any) -> Activity:
    values = {"id": "https://a.example/acts/1", "actor": ANN, "type": type_, "object": object_}
    return Activity(**{**values, **changes})


def note(id_: str = NOTE, *authors: str) -> Object:
    return Object(id=id_, type="Note", attributed_to=authors or (ANN,))


def refused(activity: Activity, signer: str = ANN) -> None:
    with pytest.raises(Untrusted):
        authenticate(activity, signer)


def test_a_verified_activity_is_made_here_only() -> None:
    with pytest.raises(TypeError):
        Verified(act("Like", NOTE), ANN)
    verified = authenticate(act("Like", NOTE), ANN)
    with pytest.raises(TypeError):
        dataclasses.replace(verified, signer=EVE)


def test_the_verified_activity_tells_who_signed_and_what_came() -> None:
    document = sample("mastodon_like")
    signer = "https://mastodon.example/users/alice"
    verified = authenticate(parse_activity(document), signer)
    assert verified.signer == signer
    assert verified.document == document


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "https://evil.example/acts/1"},
        {"id": "http://a.example/acts/1"},
        {"id": "https://a.example:8443/acts/1"},
        {"actor": None},
        {"actor": EVE},
        {"actor": AMY},
        {"actor": f"{ANN}#main-key"},
    ],
)
def test_an_activity_is_its_signers_own(changes: dict[str, Any]) -> None:
    refused(act("Like", NOTE, **changes))


@pytest.mark.parametrize("type_", ["Create", "Announce"])
def test_what_the_signer_wrote_is_kept(type_: str) -> None:
    verified = authenticate(act(type_, note()), ANN)
    assert verified.activity.object == note()
    assert verified.refetch == ()


@pytest.mark.parametrize("type_", ["Create", "Announce"])
@pytest.mark.parametrize(
    "embedded",
    [
        note(FOREIGN),
        note(FOREIGN, EVE),
        note(NOTE, EVE),
        note(NOTE, AMY),
        note(NOTE, ANN, EVE),
        Object(id=NOTE, type="Note"),
        Actor(id=ANN, type="Person", inbox=f"{ANN}/inbox"),
        Tombstone(id=NOTE),
        Collection(type="Collection", id=NOTE),
        Activity(type="Like", id=NOTE, actor=ANN),
    ],
)
def test_what_the_signer_has_no_authority_over_is_refetched(type_: str, embedded: Document) -> None:
    verified = authenticate(act(type_, embedded), ANN)
    assert verified.activity.object == embedded.id
    assert verified.refetch == (embedded.id,)


def test_an_anonymous_embedded_activity_is_dropped() -> None:
    verified = authenticate(act("Announce", Activity(type="Like", actor=EVE)), ANN)
    assert verified.activity.object is None
    assert verified.refetch == ()


def test_a_group_announces_by_id_only() -> None:
    document = parse_activity(sample("lemmy_announce_create"))
    verified = authenticate(document, "https://lemmy.example/c/gardening")
    assert verified.activity.object == "https://lemmy.example/activities/create/1"
    assert verified.refetch == ("https://lemmy.example/activities/create/1",)


def test_a_video_of_a_person_and_a_channel_of_one_server_is_kept() -> None:
    channel = "https://a.example/channels/1"
    verified = authenticate(act("Create", note(NOTE, ANN, channel)), ANN)
    assert isinstance(verified.activity.object, Object)


@pytest.mark.parametrize("type_", ["Like", "EmojiReact", "Follow", "Block", "Flag", "Add"])
def test_other_activities_speak_of_objects_by_id(type_: str) -> None:
    verified = authenticate(act(type_, note(FOREIGN, EVE)), ANN)
    assert verified.activity.object == FOREIGN
    assert verified.refetch == ()


@pytest.mark.parametrize("type_", ["Update", "Delete"])
@pytest.mark.parametrize(
    "embedded",
    [
        FOREIGN,
        note(FOREIGN),
        note(FOREIGN, EVE),
        Tombstone(id=FOREIGN),
        EVE,
        Actor(id=EVE, type="Person"),
        Actor(id=AMY, type="Person"),
        None,
        Activity(type="Like"),
    ],
)
def test_nobody_changes_what_is_another_s(type_: str, embedded: str | Document | None) -> None:
    refused(act(type_, embedded))


@pytest.mark.parametrize("type_", ["Update", "Delete"])
def test_nobody_hides_another_s_object_behind_their_own(type_: str) -> None:
    refused(act(type_, NOTE, other_objects=(FOREIGN,)))


def test_updates_of_ones_own() -> None:
    myself = Actor(id=ANN, type="Person", inbox=f"{ANN}/inbox")
    assert authenticate(act("Update", myself), ANN).activity.object == myself
    assert authenticate(act("Update", note()), ANN).activity.object == note()
    assert authenticate(act("Update", NOTE), ANN).activity.object == NOTE


def test_an_update_of_a_neighbour_s_note_is_refetched() -> None:
    verified = authenticate(act("Update", note(NOTE, AMY)), ANN)
    assert verified.activity.object == NOTE
    assert verified.refetch == (NOTE,)


def test_deletions_of_ones_own() -> None:
    for embedded in (NOTE, ANN, Tombstone(id=NOTE)):
        assert authenticate(act("Delete", embedded), ANN).activity.object == embedded
    assert authenticate(act("Delete", note()), ANN).activity.object == NOTE


@pytest.mark.parametrize(
    "undone",
    [
        Activity(type="Follow", id="https://a.example/f/1", actor=EVE, object=EVE),
        Activity(type="Follow", id="https://a.example/f/1", actor=AMY, object=EVE),
        Activity(type="Follow", id="https://evil.example/f/1", object=EVE),
        Activity(type="Follow", id="https://evil.example/f/1", actor=ANN, object=EVE),
        "https://evil.example/f/1",
        note(FOREIGN, EVE),
        None,
    ],
)
def test_nobody_undoes_what_another_did(undone: str | Document | None) -> None:
    refused(act("Undo", undone))


@pytest.mark.parametrize("id_", [None, "https://a.example/f/1"])
def test_undoing_ones_own(id_: str | None) -> None:
    follow = Activity(type="Follow", id=id_, actor=ANN, object=EVE)
    assert authenticate(act("Undo", follow), ANN).activity.object == follow
    unsaid = dataclasses.replace(follow, actor=None)
    assert authenticate(act("Undo", unsaid), ANN).activity.object == follow
    by_id = authenticate(act("Undo", "https://a.example/f/1"), ANN)
    assert by_id.activity.object_id == "https://a.example/f/1"


def test_what_an_undone_announce_embeds_is_not_taken_from_it() -> None:
    announce = Activity(type="Announce", actor=ANN, object=note(FOREIGN, EVE))
    undone = authenticate(act("Undo", announce), ANN).activity.object
    assert isinstance(undone, Activity)
    assert undone.object == FOREIGN


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
@pytest.mark.parametrize(
    "request_",
    [
        Activity(type="Follow", actor=EVE, object=AMY),
        Activity(type="Follow", actor=ANN, object=EVE),
        Activity(type="Follow", actor=EVE),
        Activity(type="QuoteRequest", actor=EVE, object=FOREIGN),
    ],
)
def test_nobody_answers_for_another(type_: str, request_: Activity) -> None:
    refused(act(type_, request_))


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
def test_answers_for_oneself(type_: str) -> None:
    follow = Activity(type="Follow", id="https://b.example/f/1", actor=EVE, object=ANN)
    assert authenticate(act(type_, follow), ANN).activity.object == follow
    quoting = Activity(type="QuoteRequest", actor=EVE, object=NOTE)
    assert authenticate(act(type_, quoting), ANN).activity.object == quoting
    by_id = authenticate(act(type_, "https://b.example/f/1"), ANN)
    assert by_id.activity.object == "https://b.example/f/1"


def test_an_accept_with_an_embedded_actor_names_it() -> None:
    follow = Activity(type="Follow", actor=EVE, object=Actor(id=ANN, type="Person"))
    accepted = authenticate(act("Accept", follow), ANN).activity.object
    assert isinstance(accepted, Activity)
    assert accepted.object == ANN


def test_moves() -> None:
    refused(act("Move", EVE, target="https://b.example/users/eve"))
    refused(act("Move", AMY, target=EVE))
    assert authenticate(act("Move", ANN, target=EVE), ANN).activity.target == EVE
    assert authenticate(act("Move", EVE, target=ANN), ANN).activity.object == EVE


@pytest.mark.parametrize("name", ["mastodon_create_note", "takahe_create_note", "snac_create_note"])
def test_what_peers_send_keeps_its_note(name: str) -> None:
    activity = parse_activity(sample(name))
    assert activity.actor is not None
    assert isinstance(authenticate(activity, activity.actor).activity.object, Object)


def fetched(
    id_: Any = NOTE,
    requested: str = NOTE,
    final: str | None = None,
    content_type: str = ACTIVITY_JSON,
) -> Fetched | Refetch:
    return check_fetched(
        {"id": id_},
        requested_url=requested,
        final_url=final or requested,
        content_type=content_type,
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/activity+json",
        "Application/Activity+JSON; charset=utf-8",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        "application/ld+json;profile=https://www.w3.org/ns/activitystreams",
        'application/ld+json; charset=utf-8; Profile="http://www.w3.org/ns/activitystreams#"',
        'application/ld+json; profile="https://a.example/p https://www.w3.org/ns/activitystreams"',
    ],
)
def test_content_types_of_activitypub(content_type: str) -> None:
    assert fetched(content_type=content_type) is Fetched.VALID


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "application/ld+json",
        'application/ld+json; profile="https://example.org/"',
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams-not"',
        "application/ld+json; x=https://www.w3.org/ns/activitystreams",
        "text/html; application/activity+json",
        "text/plain",
        "image/png",
        "application/activity+jsonx",
    ],
)
def test_an_upload_is_no_statement_of_its_server(content_type: str) -> None:
    with pytest.raises(Untrusted):
        fetched(content_type=content_type)


@pytest.mark.parametrize("id_", [None, 7, "", [NOTE], {"id": NOTE}, "did:key:z6Mk", "/notes/1"])
def test_a_fetched_document_has_an_id(id_: Any) -> None:
    with pytest.raises(Untrusted):
        fetched(id_)


def test_a_document_is_of_the_origin_that_served_it() -> None:
    with pytest.raises(Untrusted):
        fetched(NOTE, requested=FOREIGN)
    with pytest.raises(Untrusted):
        fetched(NOTE, requested=NOTE, final=FOREIGN)
    with pytest.raises(Untrusted):
        fetched(NOTE, requested="http://a.example/notes/1")


def test_a_document_elsewhere_on_its_server_leads_back_to_its_id() -> None:
    assert fetched(NOTE, requested="https://a.example/@ann/1") == Refetch(NOTE)
    assert fetched(NOTE, requested="https://a.example/uploads/1.json") == Refetch(NOTE)


def test_redirects_on_one_server_are_followed() -> None:
    assert fetched(NOTE, requested=NOTE, final="https://a.example/@ann/1") is Fetched.VALID
    assert fetched(NOTE, requested="https://b.example/r", final=NOTE) is Fetched.VALID


def test_spellings_of_one_url_are_one() -> None:
    assert fetched(NOTE, requested="https://A.EXAMPLE:443/notes/1") is Fetched.VALID
    assert fetched(ANN, requested=f"{ANN}#main-key", final=ANN) is Fetched.VALID
    assert fetched(f"{ANN}#main-key", requested=f"{ANN}#main-key", final=ANN) is Fetched.VALID


def keyed(*keys: ActorKey) -> Actor:
    return Actor(id=ANN, type="Person", keys=keys)


@pytest.mark.parametrize("key_id", [f"{ANN}#main-key", f"{ANN}/main-key"])
def test_a_key_of_its_owner(key_id: str) -> None:
    other = ActorKey(f"{ANN}#other", ANN, "other")
    key = ActorKey(key_id, ANN, "pem")
    assert check_key_owner(keyed(other, key), key_id) is key


@pytest.mark.parametrize(
    ("key", "key_id"),
    [
        (ActorKey(f"{ANN}#main-key", EVE, "pem"), f"{ANN}#main-key"),
        (ActorKey(f"{EVE}#main-key", ANN, "pem"), f"{EVE}#main-key"),
        (ActorKey(f"{ANN}#main-key", ANN, "pem"), f"{ANN}#other"),
        (ActorKey(f"{ANN}#main-key", ANN, "pem"), ANN),
        (ActorKey(f"{ANN}#main-key", ANN, "pem"), f"{ANN}#MAIN-KEY"),
    ],
)
def test_a_key_that_proves_nothing(key: ActorKey, key_id: str) -> None:
    with pytest.raises(Untrusted):
        check_key_owner(keyed(key), key_id)


def test_keys_of_peers_belong_to_them() -> None:
    gus = "https://gts.example/users/gus"
    assert check_key_owner(parse_actor(sample("gotosocial_person")), f"{gus}/main-key").owner == gus
