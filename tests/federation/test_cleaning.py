"""What peers send is clean in the database, and what earlier rules let pass is cleaned again."""

from collections.abc import Iterator

import asyncpg
import pytest

from fedserver.services.cleaning_again import clean_again
from fedserver.workers.housekeeping import tidy
from storage.accounts import ACCOUNT_BY_URI
from storage.cleaning import SANITISER_VERSION, STALE_ACCOUNTS, STALE_STATUSES
from storage.query import Command, Value
from storage.statuses import STATUS_BY_URI, StatusRow
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take

ATTRIBUTES = ' rel="nofollow noopener noreferrer" target="_blank"'
LIE = '<p><a href="https://evil.example/">https://good.example/</a>\u202e</p>'
TRUTH = (
    f'<p><a href="https://evil.example/"{ATTRIBUTES}>https://good.example/ [evil.example]</a></p>'
)
SOIL_STATUS = Command(
    "UPDATE statuses SET content = $2, spoiler_text = $3, sanitiser_version = 1 WHERE id = $1"
)
SOIL_ACCOUNT = Command(
    """
    UPDATE accounts SET display_name = $2, note = $3, fields = $4, sanitiser_version = 1
    WHERE id = $1
    """
)
STALE = Value(
    f"""
    SELECT (SELECT count(*) FROM statuses WHERE sanitiser_version < {SANITISER_VERSION})
        + (SELECT count(*) FROM accounts WHERE sanitiser_version < {SANITISER_VERSION})
    """,
    int,
)
EDIT_CONTENTS = Value("SELECT content FROM status_edits ORDER BY id", str)
SOIL_EDITS = Command("UPDATE status_edits SET content = $1")
TAGS = Value("SELECT display_name FROM tags ORDER BY 1", str)
OPTIONS = Value("SELECT unnest(options) FROM polls", str)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor()


async def posted(
    server: Server, peer: FakePeer, mallory: PeerActor, number: int, **changes: object
) -> StatusRow:
    """Give the row of a Note that names Alice."""
    create = mentioning(mallory, server.alice.uri, number, **changes)
    item = await take(server, peer, mallory, create)
    assert item.outcome == "done", item.reason
    row = await server.ctx.db.one(STATUS_BY_URI, create["object"]["id"])
    assert row is not None
    return row


async def test_a_post_is_clean_when_it_is_stored(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    row = await posted(
        server,
        peer,
        mallory,
        1,
        content=LIE + "<script>alert(1)</script>",
        summary="a\u202egnp.\u2066exe<b>",
        tag=[
            {"type": "Mention", "href": server.alice.uri, "name": "@alice"},
            {"type": "Hashtag", "name": "#c\u200bat-food"},
            {"type": "Emoji", "name": ":e\u202evil:", "icon": {"url": "https://x.example/1"}},
            {"type": "Emoji", "name": ":good:", "icon": {"url": "https://x.example/1"}},
            {"type": "Emoji", "name": ":code:", "icon": {"url": "javascript:alert(1)"}},
        ],
        type="Question",
        oneOf=[{"name": "y\u202ees<b>!</b>"}, {"name": "n\u200bo"}],
    )
    assert row.content == TRUTH
    assert row.spoiler_text == "agnp.\u2066exe\u2069"
    assert [emoji["shortcode"] for emoji in row.emojis] == ["good"]
    assert await server.ctx.db.values(TAGS) == ["catfood"]
    assert await server.ctx.db.values(OPTIONS) == ["yes !", "no"]
    assert await server.ctx.db.value(STALE) == 0


@pytest.mark.parametrize(
    ("changes", "content"),
    [
        (
            {"content": None, "source": {"content": "*a*", "mediaType": "text/markdown"}},
            "<p><em>a</em></p>",
        ),
        (
            {"content": "$[x2 **a**]", "mediaType": "text/x.misskeymarkdown"},
            "<p><strong>a</strong></p>",
        ),
        ({"content": "<b>a\nb", "mediaType": "text/plain"}, "<p>&lt;b&gt;a<br>b</p>"),
        (
            {"content": "<p>a</p>", "source": {"content": "b", "mediaType": "text/markdown"}},
            "<p>a</p>",
        ),
    ],
)
async def test_what_was_typed_is_shown_where_there_is_no_html(
    server: Server, peer: FakePeer, mallory: PeerActor, changes: Json, content: str
) -> None:
    row = await posted(server, peer, mallory, 1, **changes)
    assert row.content.strip() == content


async def test_a_profile_is_clean_and_bounded_when_it_is_stored(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await posted(server, peer, mallory, 1)
    field = {"type": "PropertyValue", "name": "h\u202eome", "value": LIE}
    document = mallory.document(
        name="Mal\u202elory \u2067<b>x</b>" + "y" * 3_000,
        summary=LIE + "z" * 30_000,
        attachment=[field] * 60,
        alsoKnownAs=[f"https://x.example/{number}" for number in range(300)],
    )
    item = await take(server, peer, mallory, mallory.activity("Update", 2, object=document))
    assert item.outcome == "done", item.reason
    row = await server.ctx.db.one(ACCOUNT_BY_URI, mallory.uri)
    assert row is not None
    assert row.display_name.startswith("Mallory x")
    assert len(row.display_name) <= 500
    assert row.note.startswith(TRUTH)
    assert len(row.note) < 21_000
    assert len(row.fields) == 50
    assert row.fields[0]["name"] == "home"
    assert row.fields[0]["value"] in TRUTH
    assert await server.ctx.db.value(STALE) == 0


async def test_what_earlier_rules_let_pass_is_cleaned_again(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    db = server.ctx.db
    rows = [await posted(server, peer, mallory, number) for number in range(1, 6)]
    note = mallory.note(1, content="<p>New</p>", updated="2026-11-02T12:00:00Z")
    await take(server, peer, mallory, mallory.activity("Update", 20, object=note))
    for row in rows:
        await db.execute(SOIL_STATUS, row.id, LIE, "I <3 &lt; you\u202e")
    await db.execute(SOIL_EDITS, LIE)
    field = {"name": "a\u202e<b>", "value": LIE, "verified_at": None}
    await db.execute(SOIL_ACCOUNT, rows[0].account_id, "M\u202e &lt;", LIE, [field])

    assert await clean_again(server.ctx, batch=2, batches=1) == 3, "what one round does is bounded"
    assert await clean_again(server.ctx, batch=2, batches=10) == 3
    assert await clean_again(server.ctx) == 0

    for row in rows:
        again = await db.one(STATUS_BY_URI, row.uri)
        assert again is not None
        assert (again.content, again.spoiler_text) == (TRUTH, "I <3 &lt; you")
    assert await db.values(EDIT_CONTENTS) == [TRUTH]
    account = await db.one(ACCOUNT_BY_URI, mallory.uri)
    assert account is not None
    assert (account.display_name, account.note) == ("M &lt;", TRUTH)
    assert [field["name"] for field in account.fields] == ["a"]
    assert account.fields[0]["value"] in TRUTH
    assert account.fields[0]["verified_at"] is None


async def test_tidying_up_cleans_again_and_leaves_our_own_posts(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    db = server.ctx.db
    row = await posted(server, peer, mallory, 1)
    await db.execute(SOIL_STATUS, row.id, LIE, "")
    await db.execute(SOIL_ACCOUNT, server.alice.id, "Al\u202eice", LIE, [])
    await tidy(server.ctx)
    again = await db.one(STATUS_BY_URI, row.uri)
    assert again is not None
    assert again.content == TRUTH
    alice = await db.one(ACCOUNT_BY_URI, server.alice.uri)
    assert alice is not None
    assert alice.note == LIE


def stale_queries() -> Iterator[tuple[str, str]]:
    yield STALE_STATUSES.sql, "statuses_uncleaned"
    yield STALE_ACCOUNTS.sql, "accounts_uncleaned"


@pytest.mark.parametrize(("sql", "index"), list(stale_queries()))
async def test_finding_nothing_to_clean_costs_nothing(
    raw_connection: asyncpg.Connection, sql: str, index: str
) -> None:
    """A new SANITISER_VERSION needs a migration that makes the indexes for it."""
    await raw_connection.execute("SET enable_seqscan = off")
    plan = await raw_connection.fetch("EXPLAIN " + sql.replace("$1", "200"))
    assert index in "".join(line[0] for line in plan)


SOIL_POLL = Command("UPDATE polls SET options = $1")
SOIL_MEDIA = Command("UPDATE media_attachments SET description = $1")
DESCRIPTIONS = Value("SELECT description FROM media_attachments", str)


async def test_choices_and_descriptions_are_cleaned_again(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    picture = {"type": "Image", "url": f"{peer.base_url}/a.png", "name": "A cat"}
    choices = [{"type": "Note", "name": name} for name in ("Yes", "No")]
    poll = await posted(server, peer, mallory, 1, type="Question", oneOf=choices)
    row = await posted(server, peer, mallory, 2, attachment=[picture])
    await server.ctx.db.execute(SOIL_POLL, ["Y\u202ees", "A & B"])
    await server.ctx.db.execute(SOIL_MEDIA, "A\u202e cat & dog")
    for one in (poll, row):
        await server.ctx.db.execute(SOIL_STATUS, one.id, one.content, "")
    assert await clean_again(server.ctx) == 2
    assert await server.ctx.db.values(OPTIONS) == ["Yes", "A & B"]
    assert await server.ctx.db.values(DESCRIPTIONS) == ["A cat & dog"]
