"""What an Account says of states that few accounts are in, over HTTP and a real database."""

from typing import Any

import pytest

from storage.users import SET_ROLE
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture


async def shown(here: Here, account_id: int, viewer: Person | None = None) -> Any:
    return (await here.send("GET", f"/api/v1/accounts/{account_id}", viewer)).body


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("suspended_at = now()", "suspended"),
        ("silenced_at = now()", "limited"),
        ("memorial = true", "memorial"),
        ("hide_collections = true", "hide_collections"),
        ("indexable = true", "indexable"),
    ],
)
async def test_a_state_is_shown(here: Here, schema: Schema, column: str, key: str) -> None:
    bob = await here.account("bob")
    await here.execute("UPDATE accounts SET indexable = false WHERE id = $1", bob)
    assert (await shown(here, bob))[key] is False
    await here.execute(f"UPDATE accounts SET {column} WHERE id = $1", bob)
    account = await shown(here, bob)
    schema.check("Account", account)
    assert account[key] is True


async def test_who_moved_names_the_other_account(here: Here, schema: Schema) -> None:
    old, new = await here.account("old"), await here.account("new")
    await here.execute("UPDATE accounts SET moved_to_id = $2 WHERE id = $1", old, new)
    account = await shown(here, old)
    schema.check("Account", account)
    schema.check("Account", account["moved"])
    assert account["moved"]["id"] == str(new)
    assert account["moved"]["moved"] is None
    assert account["moved"]["feature_approval"]["current_user"] in ("missing", "unknown")


async def test_a_role_is_shown_as_soon_as_it_is_given(here: Here) -> None:
    alice = await here.person("alice")
    assert (await shown(here, alice.id))["roles"] == []
    await here.ctx.db.execute(SET_ROLE, alice.id, "admin")
    (role,) = (await shown(here, alice.id))["roles"]
    assert (role["name"], set(role)) == ("Admin", {"id", "name", "color"})


async def test_noindex_is_the_opposite_of_indexable_for_our_people(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.account("bob")
    for indexable in (True, False):
        for one in (alice.id, bob):
            await here.execute("UPDATE accounts SET indexable = $2 WHERE id = $1", one, indexable)
        assert (await shown(here, alice.id))["noindex"] is not indexable
        assert (await shown(here, bob))["noindex"] is False


async def test_a_post_shows_its_author_as_the_viewer_may_feature_them(here: Here) -> None:
    alice, carol = await here.person("alice"), await here.person("carol", locked=True)
    await here.execute("UPDATE accounts SET discoverable = true WHERE id = $1", carol.id)
    posted = await here.post(carol)
    path = f"/api/v1/statuses/{posted['id']}"

    async def expected(viewer: Person | None) -> str:
        status = (await here.send("GET", path, viewer)).body
        right: str = status["account"]["feature_approval"]["current_user"]
        return right

    assert [await expected(one) for one in (None, alice, carol)] == [
        "denied",
        "denied",
        "automatic",
    ]
    await here.follow(alice.id, carol.id)
    assert await expected(alice) == "automatic"
