"""The page of lost connections."""

from fedserver.services.severing import sever
from storage.query import Command
from tests.web_server import Site

_FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, languages, created_at)
    VALUES ($1, $2, $3, $4, now(), $5, now())
    """
)
_MOVE_AWAY = Command(
    "UPDATE accounts SET domain = 'far.example', uri = 'https://far.example/u' WHERE id = $1"
)
PAGE = "/severed_relationships"


async def test_what_was_lost_can_be_kept(site: Site) -> None:
    alice, friend = await site.user(), await site.user("friend")
    await site.user("carol")
    await site.ctx.db.execute(_MOVE_AWAY, friend)
    await site.ctx.db.execute(_FOLLOW, 1, alice, friend, "https://here.example/1", ["en", "de"])
    await site.ctx.db.execute(_FOLLOW, 2, friend, alice, "https://far.example/2", None)
    async with site.ctx.db.transaction() as tx:
        await sever(site.ctx, tx, [friend], "domain_block", "far.example")
    assert (await site.get(PAGE)).status == 302
    await site.sign_in()
    page = await site.get(PAGE)
    assert page.status == 200
    assert "far.example" in page.text
    assert "You lost 1 whom you followed and 1 who followed you" in page.text
    (event,) = {part.split("/")[0] for part in page.text.split(f'href="{PAGE}/')[1:]}
    following = await site.get(f"{PAGE}/{event}/following.csv")
    assert following.headers["Content-Type"].startswith("text/csv")
    assert following.text.splitlines() == [
        "Account address,Show boosts,Notify on new posts,Languages",
        'friend@far.example,true,false,"en, de"',
    ]
    followers = await site.get(f"{PAGE}/{event}/followers.csv")
    assert followers.text.splitlines() == ["Account address", "friend@far.example"]
    await site.sign_in("carol")
    assert "no connections" in (await site.get(PAGE)).text
    for name in ("following.csv", "followers.csv"):
        assert (await site.get(f"{PAGE}/{event}/{name}")).status == 404
