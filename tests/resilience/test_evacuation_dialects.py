"""Which words each peer software gets, and that none of them shows a peer an id it would refuse."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from activitypub.parse import parse_activity
from activitypub.trust import authenticate
from fedserver.survival.evacuation.dialects import (
    Family,
    Step,
    dialect_of,
    farewell,
    hello,
    move,
    moved_to,
    repoint,
)

OLD = "https://old.example"
NEW = "https://new.example"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def actor(base: str, **more: Any) -> dict[str, Any]:
    uri = f"{base}/users/ada"
    return {
        "id": uri,
        "type": "Person",
        "preferredUsername": "ada",
        "inbox": f"{uri}/inbox",
        "followers": f"{uri}/followers",
        "featured": f"{uri}/collections/featured",
        "url": f"{base}/@ada",
        "endpoints": {"sharedInbox": f"{base}/inbox"},
        "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": "PEM"},
        **more,
    }


ID = f"{OLD}/activities/7"


def test_every_move_is_under_an_id_of_the_old_domain_and_by_the_old_actor() -> None:
    old, new = actor(OLD), actor(NEW, alsoKnownAs=[f"{OLD}/users/ada"])
    said = [
        move(ID, old, new["id"]),
        move(ID, old, new["id"], embeds_origin=True),
        moved_to(ID, old, new["id"]),
        repoint(ID, old, inbox=new["inbox"], shared_inbox=f"{NEW}/inbox"),
        farewell(ID, old, new, handle="@ada@new.example", now=NOW),
    ]
    for document in said:
        # The rules by which fedserver itself believes a signer (activitypub.trust).
        verified = authenticate(parse_activity(document), old["id"])
        assert verified.signer == old["id"]
        assert urlsplit(document["id"]).netloc == "old.example"


def test_only_fedify_gets_the_old_actor_with_the_move() -> None:
    old = actor(OLD)
    assert move(ID, old, f"{NEW}/users/ada")["object"] == old["id"]
    embedded = move(ID, old, f"{NEW}/users/ada", embeds_origin=True)["object"]
    assert embedded["id"] == old["id"]
    assert embedded["preferredUsername"] == "ada"
    assert embedded["inbox"] == old["inbox"]
    families = [family for family in Family if dialect_of(family.value).embeds_origin]
    assert families == [Family.FEDIFY]


def test_the_profile_for_misskey_keeps_every_address_on_the_old_domain() -> None:
    profile = moved_to(ID, actor(OLD), f"{NEW}/users/ada")["object"]
    assert profile.pop("movedTo") == f"{NEW}/users/ada"
    assert "featured" not in profile
    addresses = [profile["inbox"], profile["followers"], profile["url"], profile["id"]]
    addresses += [profile["publicKey"]["id"], profile["endpoints"]["sharedInbox"]]
    assert {urlsplit(one).netloc for one in addresses} == {"old.example"}


def test_a_repointed_profile_names_the_move_only_where_it_went_before() -> None:
    old = actor(OLD)
    first = repoint(ID, old, inbox=f"{NEW}/inbox1", shared_inbox=f"{NEW}/inbox")["object"]
    assert (first["inbox"], first["endpoints"]["sharedInbox"]) == (f"{NEW}/inbox1", f"{NEW}/inbox")
    assert "movedTo" not in first
    late = repoint(ID, old, inbox=f"{NEW}/inbox1", shared_inbox=None, target="https://n")["object"]
    assert late["movedTo"] == "https://n"
    assert "endpoints" not in late
    assert old["inbox"] == f"{OLD}/users/ada/inbox"  # what was given is not changed


@pytest.mark.parametrize(
    ("software", "steps"),
    [
        ("mastodon", [Step.HELLO, Step.REPOINT, Step.MOVE, Step.MOVE_AGAIN, Step.FAREWELL]),
        ("hometown", [Step.HELLO, Step.REPOINT, Step.MOVE, Step.MOVE_AGAIN, Step.FAREWELL]),
        ("sharkey", [Step.HELLO, Step.MOVED_TO, Step.MOVE_AGAIN, Step.FAREWELL]),
        ("Akkoma", [Step.HELLO, Step.MOVE, Step.MOVED_TO, Step.MOVE_AGAIN, Step.FAREWELL]),
        ("takahe", [Step.HELLO, Step.FAREWELL]),
        ("nobody-knows-it", [Step.HELLO, Step.MOVE, Step.MOVED_TO, Step.MOVE_AGAIN, Step.FAREWELL]),
        (None, [Step.HELLO, Step.MOVE, Step.MOVED_TO, Step.MOVE_AGAIN, Step.FAREWELL]),
    ],
)
def test_each_software_gets_its_steps_in_order(software: str | None, steps: list[Step]) -> None:
    assert list(dialect_of(software).steps) == steps


def test_every_family_hears_the_new_actor_first() -> None:
    for family in Family:
        assert dialect_of(family.value).family == family
        assert dialect_of(family.value).steps[0] is Step.HELLO
    document = hello(f"{NEW}/activities/1", actor(NEW))
    assert document["actor"] == f"{NEW}/users/ada" == document["object"]["id"]


def test_gotosocial_hears_of_the_inbox_after_the_move() -> None:
    steps = dialect_of("gotosocial").steps
    assert steps.index(Step.MOVE) < steps.index(Step.MOVE_AGAIN) < steps.index(Step.REPOINT_LATE)
