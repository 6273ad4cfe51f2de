"""What is learnt of a peer while it is there to be asked."""

from fedserver.workers.acquaintance import learn_some
from storage.query import Query
from tests.federation.test_two_instances import instances, people
from tests.instances import Person

__all__ = ["instances", "people"]


class HostRow(tuple[str, str | None]):
    def __new__(cls, host: str, software: str | None) -> "HostRow":
        return super().__new__(cls, (host, software))


HOSTS = Query("SELECT host, software FROM hosts", HostRow)


async def test_software_is_asked_once(people: tuple[Person, Person]) -> None:
    alice, bob = people
    ctx = alice.instance.ctx
    assert await learn_some(ctx) == 1
    assert await ctx.db.fetch(HOSTS) == [(bob.instance.domain, "fedserver")]
    assert await learn_some(ctx) == 0


async def test_a_pin_is_featured_and_told(people: tuple[Person, Person]) -> None:
    alice, _ = people
    posted = await alice.post("/api/v1/statuses", status="Remember this")
    assert (await alice.post(f"/api/v1/statuses/{posted['id']}/pin"))["pinned"] is True
    featured = await alice.instance.request(
        "GET",
        f"/users/{alice.name}/collections/featured",
        headers={"Accept": "application/activity+json"},
    )
    assert [item["id"] for item in featured.body["orderedItems"]] == [posted["uri"]]
    await alice.post(f"/api/v1/statuses/{posted['id']}/unpin")
    pinned = await alice.get(f"/api/v1/accounts/{alice.account_id}/statuses", pinned="true")
    assert pinned == []
