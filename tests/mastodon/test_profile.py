"""Changing one's profile, over HTTP and a real database."""

from typing import Any

import pytest

from tests.mastodon.write_fixtures import Here, Person, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

UPDATE = "/api/v1/accounts/update_credentials"
BOB_INBOX = "https://far.test/users/bob/inbox"


async def update(here: Here, person: Person, **fields: Any) -> Any:
    return await here.do("PATCH", UPDATE, person, json=fields)


async def test_texts_are_kept_as_typed_and_shown_as_html(here: Here) -> None:
    alice = await here.person("alice")
    await here.account("bob")
    profile = await update(here, alice, display_name=" Alice  A. ", note="I <3 @bob@far.test\n")
    assert profile["display_name"] == "Alice A."
    assert profile["source"]["note"] == "I <3 @bob@far.test"
    assert profile["note"].startswith("<p>I &lt;3 <span")
    assert 'href="https://far.test/@bob"' in profile["note"]
    assert (await update(here, alice, locked=True))["display_name"] == "Alice A."
    emptied = await update(here, alice, display_name="", note="")
    assert (emptied["display_name"], emptied["note"]) == ("", "")


async def test_switches(here: Here) -> None:
    alice = await here.person("alice")
    on = await update(
        here, alice, locked=True, bot=True, discoverable=True, indexable=False,
        hide_collections=True, attribution_domains=["x.test"],
    )  # fmt: skip
    assert [on[key] for key in ("locked", "bot", "discoverable", "indexable")] == [
        True,
        True,
        True,
        False,
    ]
    assert on["hide_collections"] is True
    off = await here.do("PATCH", UPDATE, alice, data={"bot": "0", "locked": "false"})
    assert (off["bot"], off["locked"], off["discoverable"]) == (False, False, True)


@pytest.mark.parametrize("as_hash", [True, False])
async def test_fields_come_as_a_list_or_a_hash(here: Here, as_hash: bool) -> None:
    alice = await here.person("alice")
    rows = [
        {"name": "Site", "value": "https://alice.example/me"},
        {"name": "Pets", "value": "2 <cats>"},
        {"name": "", "value": ""},
    ]
    given = {str(place): row for place, row in enumerate(rows)} if as_hash else rows
    profile = await update(here, alice, fields_attributes=given)
    site, pets = profile["fields"]
    assert 'rel="me nofollow noopener"' in site["value"]
    assert 'href="https://alice.example/me"' in site["value"]
    assert "<p>" not in site["value"]
    assert pets == {"name": "Pets", "value": "2 &lt;cats&gt;", "verified_at": None}
    assert profile["source"]["fields"][0]["value"] == "https://alice.example/me"


async def test_fields_come_from_a_form(here: Here) -> None:
    alice = await here.person("alice")
    form = {"fields_attributes[0][name]": "A", "fields_attributes[0][value]": "B"}
    profile = await here.do("PATCH", UPDATE, alice, data=form)
    assert [(one["name"], one["value"]) for one in profile["fields"]] == [("A", "B")]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (
            {"display_name": "x" * 31},
            "Validation failed: Display name is too long (maximum is 30 characters)",
        ),
        ({"note": "x" * 501}, "Validation failed: Note character limit of 500 exceeded"),
        (
            {"fields_attributes": [{"name": str(n), "value": "x"} for n in range(5)]},
            "Validation failed: Fields may not be more than 4",
        ),
        (
            {"fields_attributes": [{"name": "", "value": "x"}]},
            "Validation failed: Fields with values must have names",
        ),
        (
            {"source": {"privacy": "direct"}},
            "Validation failed: Privacy is not included in the list",
        ),
    ],
)
async def test_what_is_wrong_changes_nothing(
    here: Here, fields: dict[str, Any], error: str
) -> None:
    alice = await here.person("alice")
    body = {"locked": True, **fields}
    assert await here.refusal("PATCH", UPDATE, alice, json=body) == (422, error)
    assert (await update(here, alice))["locked"] is False


async def test_defaults_of_new_posts_stay_here(here: Here) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    profile = await update(
        here, alice, source={"privacy": "private", "sensitive": True, "language": "pt-BR"}
    )
    source = profile["source"]
    assert (source["privacy"], source["sensitive"], source["language"]) == (
        "private",
        True,
        "pt-BR",
    )
    form = {"source[language]": "", "source[sensitive]": "false"}
    source = (await here.do("PATCH", UPDATE, alice, data=form))["source"]
    assert (source["privacy"], source["sensitive"]) == ("private", False)
    assert await here.sent_to(BOB_INBOX) == []


async def test_followers_hear_of_a_change_and_of_nothing_else(here: Here) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    await update(here, alice, display_name="New")
    await update(here, alice, display_name="New")
    (activity,) = await here.sent_to(BOB_INBOX)
    assert activity["type"] == "Update"
    assert activity["object"]["name"] == "New"


async def test_pictures_are_uploaded_and_removed(here: Here) -> None:
    alice = await here.person("alice")
    before = await update(here, alice)
    form = form_with_file("avatar", picture((900, 600)), display_name="A")
    profile = await here.do("PATCH", UPDATE, alice, data=form)
    assert profile["avatar"] != before["avatar"]
    assert profile["avatar"].startswith("http://here.test/media/")
    assert profile["display_name"] == "A"
    served = await here.send("GET", profile["avatar"].removeprefix("http://here.test"))
    assert served.status == 200
    form = form_with_file("header", picture((900, 600)))
    profile = await here.do("PATCH", UPDATE, alice, data=form)
    assert profile["header"].startswith("http://here.test/media/")
    without_avatar = await here.do("DELETE", "/api/v1/profile/avatar", alice)
    assert without_avatar["avatar"] == before["avatar"]
    assert without_avatar["header"] == profile["header"]
    without_header = await here.do("DELETE", "/api/v1/profile/header", alice)
    assert without_header["header"] == before["header"]


async def test_a_picture_that_is_none_is_refused(here: Here) -> None:
    alice = await here.person("alice")
    form = form_with_file("avatar", b"not an image", display_name="A")
    status, _ = await here.refusal("PATCH", UPDATE, alice, data=form)
    assert status == 422
    assert (await update(here, alice))["display_name"] == ""


async def test_a_picture_sent_back_as_its_address_stays(here: Here) -> None:
    alice = await here.person("alice")
    before = await update(here, alice)
    after = await update(here, alice, avatar=before["avatar"], header="")
    assert (after["avatar"], after["header"]) == (before["avatar"], before["header"])


@pytest.mark.parametrize("field", ["avatar", "header"])
async def test_a_text_is_no_picture(here: Here, field: str) -> None:
    alice = await here.person("alice")
    given = {field: "my face", "display_name": "A"}
    status, error = await here.refusal("PATCH", UPDATE, alice, json=given)
    assert (status, field.title() in error) == (422, True)
    assert (await update(here, alice))["display_name"] == ""


async def test_it_takes_the_scope(here: Here) -> None:
    reader = await here.person("reader", scopes="read")
    assert (await here.send("PATCH", UPDATE, reader, json={"locked": True})).status == 403
