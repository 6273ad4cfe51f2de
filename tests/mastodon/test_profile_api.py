"""The profile API of Mastodon 4.6, over HTTP and a real database."""

from typing import Any

import pytest

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

PROFILE = "/api/v1/profile"
BOB_INBOX = "https://far.test/users/bob/inbox"


async def test_a_new_profile_has_every_key_and_no_pictures(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    shown = await here.do("GET", PROFILE, alice)
    schema.check("Profile", shown)
    assert (shown["avatar"], shown["header"]) == (None, None)
    assert (shown["show_media"], shown["show_media_replies"], shown["show_featured"]) == (
        True,
        True,
        True,
    )


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_everything_can_be_changed(here: Here, schema: Schema, method: str) -> None:
    alice = await here.person("alice")
    settings = {
        "display_name": "Alice",
        "note": "I am https://alice.example/me",
        "locked": True,
        "bot": True,
        "discoverable": True,
        "indexable": True,
        "hide_collections": True,
        "show_media": False,
        "show_media_replies": False,
        "show_featured": False,
        "avatar_description": "A cat",
        "header_description": "The sea",
    }
    changed = await here.do(
        method,
        PROFILE,
        alice,
        json={
            **settings,
            "attribution_domains": ["https://Blog.example", "*.news.example", "blog.example"],
            "fields_attributes": [{"name": "Site", "value": "https://alice.example/me"}],
        },
    )
    schema.check("Profile", changed)
    assert {key: changed[key] for key in settings} == settings
    assert changed["attribution_domains"] == ["blog.example", "news.example"]
    assert 'rel="nofollow noopener"' in changed["formatted_note"]
    assert changed["fields"][0]["value"] == "https://alice.example/me"
    assert 'rel="me' in changed["formatted_fields"][0]["value"]
    account = await here.do("GET", f"/api/v1/accounts/{alice.id}", alice)
    for key in ("show_media", "show_media_replies", "show_featured"):
        assert account[key] is False
    assert (account["avatar_description"], account["header_description"]) == ("A cat", "The sea")
    source = (await here.do("GET", "/api/v1/accounts/verify_credentials", alice))["source"]
    assert source["attribution_domains"] == ["blog.example", "news.example"]
    again = await here.do(method, PROFILE, alice, json={"attribution_domains": []})
    assert again["attribution_domains"] == []
    assert again["avatar_description"] == "A cat"


async def test_pictures_come_with_their_descriptions(here: Here) -> None:
    alice = await here.person("alice")
    form = form_with_file("avatar", picture((90, 90)), avatar_description="Me, red")
    shown = await here.do("PATCH", PROFILE, alice, data=form)
    assert shown["avatar"].startswith("http://here.test/media/")
    assert shown["avatar_description"] == "Me, red"


@pytest.mark.parametrize(
    "wrong",
    [
        {"avatar_description": "x" * 151},
        {"header_description": "x" * 151},
        {"attribution_domains": ["not a domain"]},
        {"attribution_domains": [f"d{n}.example" for n in range(101)]},
        {"display_name": "x" * 31},
    ],
)
async def test_what_is_wrong_changes_nothing(here: Here, wrong: dict[str, Any]) -> None:
    alice = await here.person("alice")
    status, _ = await here.refusal("PATCH", PROFILE, alice, json={"locked": True, **wrong})
    assert status == 422
    assert (await here.do("GET", PROFILE, alice))["locked"] is False


async def test_followers_hear_of_settings(here: Here) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    changes = {
        "show_media": False,
        "show_featured": False,
        "attribution_domains": ["blog.example"],
        "discoverable": True,
    }
    await here.do("PATCH", PROFILE, alice, json=changes)
    await here.do("PATCH", PROFILE, alice, json=changes)
    (activity,) = await here.sent_to(BOB_INBOX)
    actor = activity["object"]
    assert (actor["showMedia"], actor["showFeatured"]) == (False, False)
    assert actor["showRepliesInMedia"] is True
    assert actor["attributionDomains"] == ["blog.example"]
    everybody = ["https://www.w3.org/ns/activitystreams#Public"]
    assert actor["interactionPolicy"]["canFeature"]["automaticApproval"] == everybody


async def test_it_takes_the_scopes(here: Here) -> None:
    reader = await here.person("reader", scopes="profile")
    assert (await here.send("GET", PROFILE, reader)).status == 200
    assert (await here.send("PATCH", PROFILE, reader, json={"locked": True})).status == 403
    assert (await here.send("GET", PROFILE)).status == 401


async def test_featured_tags_are_on_the_profile(here: Here) -> None:
    alice = await here.person("alice")
    await here.do("POST", "/api/v1/featured_tags", alice, json={"name": "Cats"})
    shown = await here.do("GET", PROFILE, alice)
    assert [one["name"] for one in shown["featured_tags"]] == ["Cats"]


async def test_a_hashtag_is_featured_by_its_name(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    for _ in range(2):
        tag = await here.do("POST", "/api/v1/tags/Cats/feature", alice)
        schema.check("Tag", tag)
        assert (tag["name"], tag["featuring"]) == ("cats", True)
    shown = await here.do("GET", f"/api/v1/accounts/{alice.id}/featured_tags", alice)
    assert [one["name"] for one in shown] == ["Cats"]
    assert (await here.do("POST", "/api/v1/tags/cats/unfeature", alice))["featuring"] is False
    assert (await here.do("POST", "/api/v1/tags/unused/unfeature", alice))["featuring"] is False
    assert await here.do("GET", "/api/v1/featured_tags", alice) == []
    assert [one["type"] for one in await here.sent_to(BOB_INBOX)] == ["Add", "Remove"]
    assert (await here.send("POST", "/api/v1/tags/no tag/feature", alice)).status == 404


async def test_there_are_no_identity_proofs(here: Here) -> None:
    alice = await here.person("alice")
    path = f"/api/v1/accounts/{alice.id}/identity_proofs"
    assert await here.do("GET", path, alice) == []
    assert (await here.send("GET", "/api/v1/accounts/9/identity_proofs", alice)).status == 404
