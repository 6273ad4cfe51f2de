"""Searching statuses: who may find what, in which words, and how it is narrowed down."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from fedserver.ids import first_id_of
from fedserver.mastodon.search_query import parse_query
from storage.query import Command, Value
from tests.mastodon.world import World

_NEW_ID = """
    WITH found AS (UPDATE search_documents SET status_id = $2 WHERE status_id = $1)
    UPDATE statuses SET id = $2 WHERE id = $1"""


class Finder:
    """Somebody who searches."""

    def __init__(self, world: World, account_id: int, token: str) -> None:
        self.world, self.id, self._token = world, account_id, token

    async def __call__(self, query: str, **more: Any) -> list[int]:
        extra = "".join(f"&{name}={value}" for name, value in more.items())
        path = f"/api/v2/search?type=statuses&q={quote(query)}{extra}"
        answer = await self.world.get(path, self._token)
        return [int(one["id"]) for one in answer["statuses"]]


@pytest.fixture
async def find(world: World) -> Finder:
    me = await world.user("me")
    return Finder(world, me, await world.token(me))


async def indexable(world: World, account_id: int, agrees: bool) -> None:
    await world.execute("UPDATE accounts SET indexable = $2 WHERE id = $1", account_id, agrees)


async def speak(world: World, status_id: int, language: str) -> None:
    await world.execute("UPDATE statuses SET language = $2 WHERE id = $1", status_id, language)


class TestWhoMayFindWhat:
    async def test_public_posts_of_authors_who_agree(self, world: World, find: Finder) -> None:
        yes, no = await world.account("yes"), await world.account("no")
        await indexable(world, no, agrees=False)
        post = await world.status(yes, "<p>moon</p>")
        hidden = await world.status(no, "<p>moon</p>")
        await world.status(yes, "<p>moon</p>", visibility="unlisted")
        await world.status(yes, "<p>moon</p>", visibility="private")
        assert await find("moon") == [post]
        await indexable(world, no, agrees=True)
        assert await find("moon") == [hidden, post]
        await indexable(world, yes, agrees=False)
        assert await find("moon") == [hidden]

    async def test_what_one_did_something_with(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        await indexable(world, author, agrees=False)
        liked, kept, boosted, named, voted, _ = [
            await world.status(author, "<p>moon</p>") for _ in range(6)
        ]
        await world.favourite(find.id, liked)
        await world.bookmark(find.id, kept)
        await world.status(find.id, "", reblog_of=boosted, local=True)
        await world.mention(named, find.id)
        await world.vote(await world.poll(author, voted), find.id, 0)
        own = await world.status(find.id, "<p>moon</p>", visibility="direct", local=True)
        everything = [own, voted, named, boosted, kept, liked]
        assert await find("moon") == everything
        assert await find("moon in:library") == everything
        assert await find("moon in:public") == []
        await world.execute("DELETE FROM favourites WHERE status_id = $1", liked)
        assert await find("moon") == everything[:-1]

    async def test_what_is_found_twice_is_shown_once(self, world: World, find: Finder) -> None:
        post = await world.status(await world.account("author"), "<p>moon</p>")
        await world.bookmark(find.id, post)
        for scope in ("all", "public", "library"):
            assert await find(f"moon in:{scope}") == [post]

    @pytest.mark.parametrize("how", ["block", "mute"])
    async def test_not_who_is_unwanted(self, world: World, find: Finder, how: str) -> None:
        author = await world.account("author")
        post = await world.status(author, "<p>moon</p>")
        assert await find("moon") == [post]
        await getattr(world, how)(find.id, author)
        assert await find("moon") == []

    async def test_not_who_blocks_nor_strangers(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        await world.status(author, "<p>moon</p>")
        assert (await world.get("/api/v2/search?q=moon"))["statuses"] == []
        await world.block(author, find.id)
        assert await find("moon") == []


class TestWords:
    @pytest.mark.parametrize(
        ("language", "text", "query"),
        [
            ("en", "They were running home", "run"),
            ("en", "the runs", "running"),
            ("de", "Zwei Häuser", "haus"),
            ("fr", "Elle a mangé", "manger"),
            ("ru", "красивые кошки", "кошка"),
            ("es", "El niño", "nino"),
            ("ja", "東京都に行きました", "東京"),
            ("zh", "我喜歡貓", "喜歡"),
            ("en", "Müller said", "muller"),
            ("en", "ÜBER", "über"),
        ],
    )
    async def test_in_many_languages(
        self, world: World, find: Finder, language: str, text: str, query: str
    ) -> None:
        post = await world.status(await world.account("author"), f"<p>{text}</p>")
        await speak(world, post, language)
        assert await find(query) == [post]

    async def test_phrases_and_exclusion(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        moon = await world.status(author, "<p>the full <b>moon</b> tonight</p>")
        other = await world.status(author, "<p>moon full of cheese</p>")
        assert await find("full moon") == [other, moon]
        assert await find('"full moon"') == [moon]
        assert await find("\u201cfull moon\u201d") == [moon]
        assert await find("moon -cheese") == [moon]
        assert await find('moon -"full moon"') == [other]
        assert await find("-cheese") == []
        assert await find("strong b") == []  # markup is no text

    async def test_all_that_is_text_is_found(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        post = await world.status(author, "<p>see</p>")
        await world.poll(author, post)
        media = await world.media(author, post)
        await world.execute("UPDATE polls SET options = '{apple,pear}' WHERE status_id = $1", post)
        await world.execute("UPDATE media_attachments SET description = 'dog' WHERE id = $1", media)
        await world.execute("UPDATE statuses SET spoiler_text = 'fruit' WHERE id = $1", post)
        for word in ("see", "pear", "dog", "fruit", "apple dog"):
            assert await find(word) == [post], word
        await world.execute("UPDATE statuses SET content = '<p>look</p>' WHERE id = $1", post)
        assert (await find("see"), await find("look")) == ([], [post])

    @pytest.mark.parametrize(
        "query", ["'", "\\", "a' | 'b", "(((", "!!!", "&|!:*", "<->", '"', '-"', "|circle|public|0"]
    )
    async def test_signs_do_no_harm(self, world: World, find: Finder, query: str) -> None:
        await world.status(await world.account("author"), "<p>moon</p>")
        assert await find(query) == []


class TestNarrowing:
    async def test_by_what_it_has_and_is(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        plain = await world.status(author, "<p>moon</p>")
        media = await world.status(author, "<p>moon</p>")
        await world.media(author, media)
        poll = await world.status(author, "<p>moon</p>")
        await world.poll(author, poll)
        linked = await world.status(author, '<p>moon <a href="https://ex.org">x</a></p>')
        reply = await world.status(author, "<p>moon</p>", reply_to=plain)
        await world.execute(
            "UPDATE statuses SET sensitive = true WHERE id = ANY($1)", [media, poll]
        )
        await world.execute("UPDATE statuses SET sensitive = false WHERE id = $1", linked)
        assert await find("moon has:media") == [media]
        assert await find("has:image moon") == [media]
        assert await find("moon has:poll") == [poll]
        assert await find("moon has:link") == [linked]
        assert await find("moon is:reply") == [reply]
        assert await find("moon -is:reply") == [linked, poll, media, plain]
        assert await find("moon is:sensitive -has:poll") == [media]

    async def test_by_author_and_language(self, world: World, find: Finder) -> None:
        one, two = await world.account("one"), await world.account("two", "near.test")
        first, second = (
            await world.status(one, "<p>moon</p>"),
            await world.status(two, "<p>moon</p>"),
        )
        own = await world.status(find.id, "<p>moon</p>", local=True)
        await speak(world, first, "de-AT")
        await speak(world, second, "fr")
        assert await find("moon from:@one@far.test") == [first]
        assert await find("from:two@near.test") == [second]
        assert await find("moon from:me") == [own]
        assert await find("moon from:me@here.test") == [own]
        assert await find("moon -from:me from:nobody@far.test") == []
        assert await find("moon language:de") == [first]
        assert await find("moon -language:de -from:me") == [second]
        assert await find("moon", account_id=two) == [second]

    async def test_by_time(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        posts = []
        for day in (1, 2, 3):
            posts.append(first_id_of(datetime(2026, 11, day, 12, tzinfo=UTC)))
            await world.execute(_NEW_ID, await world.status(author, "<p>moon</p>"), posts[-1])
        first, second, third = posts
        assert await find("moon before:2026-11-02") == [first]
        assert await find("moon after:2026-11-01") == [third, second]
        assert await find("moon after:2026-11-01 before:2026-11-03") == [second]
        assert await find("during:2026-11-02") == [second]
        assert await find("moon -before:2026-11-03") == [third]
        assert await find("moon before:yesterday") == []

    async def test_pages(self, world: World, find: Finder) -> None:
        author = await world.account("author")
        posts = [await world.status(author, "<p>moon</p>") for _ in range(5)][::-1]
        assert await find("moon", limit=2) == posts[:2]
        assert await find("moon", limit=2, offset=2) == posts[2:4]
        assert await find("moon", limit=2, max_id=posts[3]) == posts[4:]
        assert await find("moon", min_id=posts[2]) == posts[:2]


async def test_a_search_reads_bucket_after_bucket(world: World, find: Finder) -> None:
    """Common words are found in the newest bucket, rare ones by the index."""
    author = await world.account("author")
    rare = await world.status(author, "<p>unusual moon</p>")
    await world.execute("SELECT setval('search_places', 100000)")
    common = await world.status(author, "<p>moon</p>")
    assert await find("moon", limit=1) == [common]
    assert await find("moon") == [common, rare]
    assert await find("unusual") == [rare]
    await world.ctx.db.execute(Command("ANALYZE search_documents"))
    count = Value("SELECT count(*) FROM search_documents", int)
    assert await world.ctx.db.value(count) == 2


def test_a_query_is_read() -> None:
    query = parse_query('moon "full moon" -cheese has:poll -is:reply from:me foo:bar in:library')
    assert query.words == ["moon", "full moon", "cheese", "foo bar"]
    assert query.words_wanted == [True, True, False, True]
    assert query.phrases == [False, True, False, False]
    assert (query.marks, query.marks_wanted) == (["|is|poll", "|is|reply"], [True, False])
    assert (query.authors, query.scope) == ([("me", True)], "library")
    assert len(parse_query("a " * 500).words) == 30
