"""The operator turns against a person who has a recovery key: the person's word stands."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activitypub.json_bytes import dumps
from activitypub.proofs import add_proof
from activitypub.signatures import Dialect
from fedserver.context import Context
from fedserver.effects.acts import Audience
from fedserver.effects.block import Block
from fedserver.effects.delete import DeleteActor
from fedserver.effects.follow import reject
from fedserver.effects.move import Move
from fedserver.effects.moving import ChangeAliases
from fedserver.effects.performing import perform
from fedserver.effects.recovery_key import Offered, ShowRecoveryKey
from fedserver.effects.update import UpdateActor
from fedserver.recovery.identity import claim_identity
from fedserver.recovery.keys import RecoveryKey
from fedserver.services import resolve, signing
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, ACCOUNT_BY_URI, AccountRow
from storage.database import Transaction
from storage.query import Value
from storage.relations import FOLLOW_BETWEEN
from tests.conftest import fresh_database
from tests.instances import Instance, Person
from tests.survival.kit_scene import Scene, scene
from tests.waiting import until

VALID = Value("SELECT did FROM recovery_pins WHERE valid_from <= now() ORDER BY 1", str)
ENDING = Value("SELECT did FROM recovery_pins WHERE valid_until IS NOT NULL", str)
REFUSED = Value(
    "SELECT type || ': ' || reason FROM inbox_items WHERE outcome = 'refused' ORDER BY id", str
)
SIGNPOST = Value(
    """
    SELECT t.uri FROM accounts a JOIN accounts t ON t.id = a.moved_to_id WHERE a.uri = $1
    """,
    str,
)
FOLLOW_OF = Value(
    """
    SELECT count(*) FROM follows f JOIN accounts a ON a.id = f.account_id
    JOIN accounts t ON t.id = f.target_id
    WHERE a.username = $1 AND t.uri = $2 AND f.accepted_at IS NOT NULL
    """,
    int,
)
SEEN = Value("SELECT count(*) FROM accounts WHERE uri = $1", int)
DELETED = Value("SELECT count(*) FROM accounts WHERE uri = $1 AND deleted_at IS NOT NULL", int)


@pytest.fixture
async def story(
    database_dsn: str, second_database_dsn: str, postgres: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    async for third in fresh_database(postgres):
        async with scene([database_dsn, second_database_dsn, third], tmp_path) as made:
            await made.set_key()
            yield made


@dataclass(frozen=True, kw_only=True)
class MoveToInbox(Move):
    """Followers are gone already: bob's server is written to by hand."""

    inbox: str

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(inboxes=(self.inbox,))


@dataclass(frozen=True, kw_only=True)
class UpdateToInbox(UpdateActor):
    """As above."""

    inbox: str

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(inboxes=(self.inbox,))


def new_uri(instance: Instance) -> str:
    return Uris(instance.base_url).activity(instance.ctx.ids.new())


async def row_of(person: Person) -> AccountRow:
    row = await person.instance.ctx.db.one(ACCOUNT_BY_ID, person.account_id)
    assert row is not None
    return row


async def show_key(story: Scene, key: RecoveryKey | None) -> None:
    """The operator writes what they like into their database, and tells everybody."""
    offered, statements = None, ()
    if key is not None:
        statement = claim_identity(key, story.old_uri, datetime.now(UTC))
        offered, statements = Offered(key.public, statement), (statement,)
    act = ShowRecoveryKey(
        actor=await row_of(story.ada),
        uri=new_uri(story.old),
        offered=offered,
        statements=statements,
    )
    assert await perform(story.old.ctx, act)


async def move_away(story: Scene, target: Person) -> None:
    """The operator moves ada's followers to an account of theirs."""
    mallory = await row_of(target)
    alias = ChangeAliases(
        actor=mallory, uri=new_uri(target.instance), also_known_as=(story.old_uri,)
    )
    await perform(target.instance.ctx, alias)
    seen = await resolve.fetch_account(story.old.ctx, mallory.uri, Budget(5))
    act = Move(actor=await row_of(story.ada), uri=new_uri(story.old), target=seen)
    assert await perform(story.old.ctx, act)


async def bob_follows(story: Scene, *uris: str) -> None:
    async def so() -> bool:
        return await story.bob_follows() == sorted(uris)

    await until(so)


async def test_a_stripped_key_still_moves_followers(story: Scene) -> None:
    kit = await story.take_kit()
    await show_key(story, None)
    await until(lambda: story.third.ctx.db.values(ENDING))
    await story.bring(await story.new.person("ada"), kit)
    await bob_follows(story, story.new_uri)


async def test_a_replaced_key_counts_and_its_successor_does_not_yet(story: Scene) -> None:
    kit = await story.take_kit()
    theirs = RecoveryKey.new()
    await show_key(story, theirs)
    await until(lambda: story.third.ctx.db.values(ENDING))
    assert await story.third.ctx.db.values(VALID) == [story.key.public.did]

    mallory = await story.new.person("mallory")
    await story.bring(mallory, await story.take_kit(), theirs)
    await until(lambda: story.third.ctx.db.value(SEEN, f"{story.new.base_url}/users/mallory"))
    await story.bring(await story.new.person("ada"), kit)
    await bob_follows(story, story.new_uri)


async def test_followers_whom_the_server_moved_come_to_the_person(story: Scene) -> None:
    kit = await story.take_kit()
    mallory = await story.new.person("mallory")
    await move_away(story, mallory)
    await bob_follows(story, f"{story.new.base_url}/users/mallory")

    await story.bring(await story.new.person("ada"), kit)
    await bob_follows(story, story.new_uri)


async def test_followers_of_a_deleted_account_come_to_the_person(story: Scene) -> None:
    kit = await story.take_kit()
    act = DeleteActor(actor=await row_of(story.ada), uri=new_uri(story.old))
    assert await perform(story.old.ctx, act)
    await until(lambda: story.third.ctx.db.value(DELETED, story.old_uri))
    assert await story.bob_follows() == []

    await story.bring(await story.new.person("ada"), kit)
    await bob_follows(story, story.new_uri)


async def test_after_the_person_spoke_their_server_has_nothing_to_say(story: Scene) -> None:
    kit = await story.take_kit()
    await story.bring(await story.new.person("ada"), kit)
    await bob_follows(story, story.new_uri)

    mallory = await story.third.person("mallory")
    await contradict(story, mallory)

    async def refused() -> bool:
        return len(await story.third.ctx.db.values(REFUSED)) >= 2

    await until(refused)
    assert await story.bob_follows() == [story.new_uri]
    assert await story.third.ctx.db.value(SIGNPOST, story.old_uri) == story.new_uri


async def test_an_older_word_of_the_person_counts_no_more(story: Scene) -> None:
    kit = await story.take_kit()
    await story.bring(await story.new.person("ada"), kit)
    await bob_follows(story, story.new_uri)

    mallory = await story.new.person("mallory")
    old_word = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{story.old_uri}#moves/1",
        "type": "Move",
        "actor": story.old_uri,
        "object": story.old_uri,
        "target": f"{story.new.base_url}/users/mallory",
    }
    two_days_ago = datetime.now(UTC) - timedelta(days=2)
    proven = add_proof(
        old_word,
        key_id=f"{story.old_uri}#recovery",
        private_key=story.key.signing,
        now=two_days_ago,
    )
    await bring(mallory, f"{story.third.base_url}/inbox", proven)

    async def refused() -> bool:
        return any("said otherwise" in one for one in await story.third.ctx.db.values(REFUSED))

    await until(refused)
    assert await story.bob_follows() == [story.new_uri]


async def bring(person: Person, inbox: str, document: dict[str, Any]) -> None:
    """Deliver an activity under the signature of somebody who did not make it."""
    ctx = person.instance.ctx
    key = await signing.signing_key(ctx, person.account_id)
    response = await ctx.out.request(
        "POST",
        inbox,
        headers={"Content-Type": signing.ACTIVITY_JSON},
        body=dumps(document),
        signer=signing.signer(ctx, key, Dialect.CAVAGE),
    )
    assert response.status == 202


async def contradict(story: Scene, target: Person) -> None:
    """The followers are gone, so the operator writes to bob's server by hand."""
    mallory = await row_of(target)
    third = story.third.ctx
    await perform(
        third,
        ChangeAliases(actor=mallory, uri=new_uri(story.third), also_known_as=(story.old_uri,)),
    )
    seen = await resolve.fetch_account(story.old.ctx, mallory.uri, Budget(5))
    ada = await row_of(story.ada)
    inbox = f"{story.third.base_url}/inbox"
    assert await perform(
        story.old.ctx, MoveToInbox(actor=ada, uri=new_uri(story.old), target=seen, inbox=inbox)
    )
    assert await perform(
        story.old.ctx, UpdateToInbox(actor=ada, uri=new_uri(story.old), inbox=inbox)
    )


async def test_followers_whom_the_server_blocks_or_rejects_come_to_the_person(
    story: Scene,
) -> None:
    kit = await story.take_kit()
    carol = await story.third.person("carol")
    found = await carol.get("/api/v2/search", q=story.ada.acct, resolve="true", type="accounts")
    await carol.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await until(lambda: follows_of(story, "carol", story.old_uri))
    ada = await row_of(story.ada)
    for name in ("bob", "carol"):
        seen = await story.old.ctx.db.one(ACCOUNT_BY_URI, f"{story.third.base_url}/users/{name}")
        assert seen is not None
        follow = await story.old.ctx.db.one(FOLLOW_BETWEEN, seen.id, ada.id)
        assert follow is not None
        blocked = Block(actor=ada, uri=new_uri(story.old), target=seen)
        gone = blocked if name == "bob" else reject(story.old.ctx, ada, seen, follow.uri)
        assert await perform(story.old.ctx, gone)
    await until(lambda: nobody_follows(story))
    await story.bring(await story.new.person("ada"), kit)
    await until(lambda: follows_of(story, "carol", story.new_uri))
    await until(lambda: follows_of(story, "bob", story.new_uri))


async def follows_of(story: Scene, name: str, uri: str) -> bool:
    return (await story.third.ctx.db.value(FOLLOW_OF, name, uri) or 0) > 0


async def nobody_follows(story: Scene) -> bool:
    names = [await follows_of(story, name, story.old_uri) for name in ("bob", "carol")]
    return not any(names)
