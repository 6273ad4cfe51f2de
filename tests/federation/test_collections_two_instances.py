"""Collections of accounts between two real instances: made, consented to, seen, changed, left."""

from typing import Any

from storage.query import Value
from tests.federation.test_two_instances import (  # noqa: F401 - fixtures
    account_of,
    instances,
    notified,
    people,
    seen_at_home,
)
from tests.instances import Instance, Person
from tests.waiting import until

NAMED = Value("SELECT uri IS NOT NULL FROM collection_items", bool)
ACTIVITY_JSON = {"Accept": "application/activity+json"}


async def discoverable(person: Person) -> None:
    answer = await person.instance.request(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        token=person.token,
        body={"discoverable": True},
    )
    assert answer.status == 200, answer


async def expects(asking: Person, account: str, wanted: str) -> None:
    """Wait until `asking` may expect that of featuring an account."""

    async def look() -> bool:
        shown = await asking.get(f"/api/v1/accounts/{account}")
        return bool(shown["feature_approval"]["current_user"] == wanted)

    await until(look)


async def listed(reader: Person, owner: str, wanted: Any) -> dict[str, Any]:
    """Wait until a collection in the owner's list is as wanted, and give it."""

    async def look() -> dict[str, Any] | None:
        found = (await reader.get(f"/api/v1/accounts/{owner}/collections"))["collections"]
        return next((one for one in found if wanted(one)), None)

    shown = await until(look)
    assert shown is not None
    return shown


async def made(alice: Person, bob: Person) -> tuple[dict[str, Any], str]:
    """Let Alice put Bob into a collection; give it as she has it, and Bob's id there."""
    await discoverable(bob)
    account = await account_of(alice, bob)
    await expects(alice, account, "automatic")
    answer = await alice.post(
        "/api/v1/collections",
        name="Friends",
        description="People I like",
        language="en",
        tag_name="#friends",
        account_ids=[account],
    )
    return answer["collection"], account


async def test_who_consents_is_shown_on_both_servers(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    collection, account = await made(alice, bob)
    assert [item["state"] for item in collection["items"]] == ["pending"]
    told = await notified(bob, "added_to_collection")
    assert told["collection"]["uri"] == collection["uri"]
    assert told["account"]["acct"] == alice.acct
    await listed(alice, str(alice.account_id), lambda one: one["items"][0]["state"] == "accepted")
    seen = await listed(bob, await account_of(bob, alice), lambda one: one["item_count"] == 1)
    assert seen["items"][0]["account_id"] == str(bob.account_id)
    assert (seen["name"], seen["tag"]["name"], seen["language"]) == ("Friends", "friends", "en")
    assert not seen["local"]
    inside = await bob.get(f"/api/v1/accounts/{bob.account_id}/in_collections")
    assert [one["uri"] for one in inside["collections"]] == [collection["uri"]]
    shown = await alice.get(f"/api/v1/collections/{collection['id']}")
    assert [one["id"] for one in shown["accounts"]] == [str(alice.account_id), account]


async def test_the_documents_prove_the_consent(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    collection, _ = await made(alice, bob)
    await listed(alice, str(alice.account_id), lambda one: one["items"][0]["state"] == "accepted")
    here, there = instances
    document = (await here.request("GET", collection["uri"], headers=ACTIVITY_JSON)).body
    assert document["type"] == "FeaturedCollection"
    assert document["summaryMap"] == {"en": "People I like"}
    assert document["topic"]["name"] == "#friends"
    (item,) = document["orderedItems"]
    consent = await there.request("GET", item["featureAuthorization"], headers=ACTIVITY_JSON)
    assert consent.body["type"] == "FeatureAuthorization"
    assert consent.body["interactingObject"] == collection["uri"]
    assert consent.body["interactionTarget"] == item["featuredObject"]
    actor = (await here.request("GET", document["attributedTo"], headers=ACTIVITY_JSON)).body
    listing = (await here.request("GET", actor["featuredCollections"], headers=ACTIVITY_JSON)).body
    assert [one["id"] for one in listing["items"]] == [collection["uri"]]
    alone = (await here.request("GET", item["id"], headers=ACTIVITY_JSON)).body
    assert {key: alone[key] for key in item} == item


async def test_a_change_is_told_and_the_end_too(people: tuple[Person, Person]) -> None:  # noqa: F811
    alice, bob = people
    collection, _ = await made(alice, bob)
    owner = await account_of(bob, alice)
    await listed(bob, owner, lambda one: one["item_count"] == 1)
    path = f"/api/v1/collections/{collection['id']}"
    answer = await alice.instance.request(
        "PATCH", path, token=alice.token, body={"name": "Best friends"}
    )
    assert answer.status == 200
    told = await notified(bob, "collection_update")
    assert told["collection"]["name"] == "Best friends"
    await alice.delete(path)

    async def gone() -> bool:
        return not (await bob.get(f"/api/v1/accounts/{owner}/collections"))["collections"]

    await until(gone)


async def test_whoever_leaves_is_not_shown_any_more(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    collection, account = await made(alice, bob)
    seen = await listed(bob, await account_of(bob, alice), lambda one: one["item_count"] == 1)
    await listed(alice, str(alice.account_id), lambda one: one["items"][0]["state"] == "accepted")
    document = (await instances[0].request("GET", collection["uri"], headers=ACTIVITY_JSON)).body
    await bob.post(f"/api/v1/collections/{seen['id']}/items/{seen['items'][0]['id']}/revoke")
    await listed(alice, str(alice.account_id), lambda one: one["items"] == [])
    consent = document["orderedItems"][0]["featureAuthorization"]
    answer = await instances[1].request("GET", consent, headers=ACTIVITY_JSON)
    assert answer.status == 410
    again = await alice.instance.request(
        "POST",
        f"/api/v1/collections/{collection['id']}/items",
        token=alice.token,
        body={"account_id": account},
    )
    assert again.status == 422


async def test_somebody_is_added_and_removed_later(people: tuple[Person, Person]) -> None:  # noqa: F811
    alice, bob = people
    await discoverable(bob)
    account, owner = await account_of(alice, bob), await account_of(bob, alice)
    await expects(alice, account, "automatic")
    collection = (await alice.post("/api/v1/collections", name="Later"))["collection"]
    await listed(bob, owner, lambda one: one["name"] == "Later")
    path = f"/api/v1/collections/{collection['id']}/items"
    item = (await alice.post(path, account_id=account))["collection_item"]
    assert item["state"] == "pending"
    await listed(bob, owner, lambda one: one["item_count"] == 1)

    async def named() -> bool:
        return bool(await bob.instance.ctx.db.value(NAMED))

    await until(named)
    await alice.delete(f"{path}/{item['id']}")
    await listed(bob, owner, lambda one: one["item_count"] == 0)


async def test_who_does_not_want_to_be_found_is_not_put_in(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    account = await account_of(alice, bob)
    shown = await alice.get(f"/api/v1/accounts/{account}")
    assert shown["feature_approval"]["current_user"] == "denied"
    answer = await alice.instance.request(
        "POST",
        "/api/v1/collections",
        token=alice.token,
        body={"name": "No", "account_ids": [account]},
    )
    assert answer.status == 403


async def test_a_post_brings_the_collection_it_links_to(people: tuple[Person, Person]) -> None:  # noqa: F811
    alice, bob = people
    collection = (await alice.post("/api/v1/collections", name="Linked"))["collection"]
    posted = await alice.post("/api/v1/statuses", status=f"Look at {collection['url']}")
    assert posted["tagged_collections"][0]["id"] == collection["id"]
    seen = await seen_at_home(bob, posted["uri"])
    assert [one["uri"] for one in seen["tagged_collections"]] == [collection["uri"]]
    page = await alice.instance.request("GET", collection["url"])
    assert page.status == 200
    assert "Linked" in page.body
