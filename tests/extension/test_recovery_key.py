"""A person's recovery key: shown to peers, replaced and removed, and pinned by those who saw it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from fedserver.effects.recovery_key import make_due_changes
from fedserver.recovery.identity import claim_identity, give_up, rotate
from fedserver.recovery.keys import RecoveryKey
from fedserver.services.recovery_pins import PERSONS_WORD
from fedserver.services.smtp import mail_folder
from fedserver.workers.mail_worker import send_due
from storage.query import Command, Value
from tests.conftest import unused_port
from tests.instances import PASSWORD, Answer, Instance, Person, start_instance
from tests.waiting import until

API = "/api/fedserver/v1/recovery_key"
PINNED = Value(
    "SELECT p.did FROM recovery_pins p WHERE p.valid_until IS NULL ORDER BY p.valid_from", str
)
ENDING = Value("SELECT did FROM recovery_pins WHERE valid_until IS NOT NULL", str)
WAITED = Command("UPDATE recovery_changes SET due_at = due_at - interval '72 hours'")
FOLLOWS = Value("SELECT count(*) FROM follows WHERE accepted_at IS NOT NULL", int)
RIPENING = Value("SELECT did FROM recovery_pins WHERE valid_from > seen_at", str)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two instances; bob of `there` follows ada of `here`."""

    here: Instance
    there: Instance
    ada: Person
    bob: Person

    @property
    def uri(self) -> str:
        return f"{self.here.base_url}/users/ada"

    async def offer(self, key: RecoveryKey, **more: Any) -> Answer:
        now = datetime.now(UTC)
        body = {
            "did": key.public.did,
            "recipient": key.public.recipient,
            "statement": claim_identity(key, self.uri, now),
            "password": PASSWORD,
        }
        return await self.here.request("POST", API, token=self.ada.token, body=body | more)

    async def pinned(self, *keys: RecoveryKey) -> bool:
        return await self.there.ctx.db.values(PINNED) == [one.public.did for one in keys]


@pytest.fixture
async def pair(database_dsn: str, second_database_dsn: str, tmp_path: Path) -> AsyncIterator[Pair]:
    one, two = unused_port(), unused_port()
    async with (
        start_instance(database_dsn, tmp_path / "here", one, peers=(two,)) as here,
        start_instance(second_database_dsn, tmp_path / "there", two, peers=(one,)) as there,
    ):
        ada, bob = await here.person("ada"), await there.person("bob")
        found = await bob.get("/api/v2/search", q=ada.acct, resolve="true", type="accounts")
        await bob.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
        await until(lambda: there.ctx.db.value(FOLLOWS))
        yield Pair(here, there, ada, bob)


async def test_key_is_shown_and_pinned(pair: Pair) -> None:
    key = RecoveryKey.new()
    answer = await pair.offer(key)
    assert answer.status == 200, answer
    assert answer.body["key"]["did"] == key.public.did
    document = (
        await pair.here.request("GET", pair.uri, headers={"Accept": "application/activity+json"})
    ).body
    multikeys = {one["id"]: one["publicKeyMultibase"] for one in document["assertionMethod"]}
    assert f"did:key:{multikeys[f'{pair.uri}#recovery']}" == key.public.did
    (statement,) = document["attachment"]
    assert (statement["type"], statement["subject"]) == (
        "VerifiableIdentityStatement",
        key.public.did,
    )
    await until(lambda: pair.pinned(key))


async def test_key_needs_password_and_proof(pair: Pair) -> None:
    key, thief = RecoveryKey.new(), RecoveryKey.new()
    assert (await pair.offer(key, password="wrong")).status == 403
    stolen = await pair.offer(key, did=thief.public.did)
    assert stolen.status == 422
    about_bob = claim_identity(key, f"{pair.there.base_url}/users/bob", datetime.now(UTC))
    assert (await pair.offer(key, statement=about_bob)).status == 422
    assert (await pair.offer(key, recipient="age1nonsense")).status == 422
    shown = await pair.here.request("GET", API, token=pair.ada.token)
    assert shown.body["key"] is None


async def test_old_key_names_the_new_one(pair: Pair) -> None:
    old, new = RecoveryKey.new(), RecoveryKey.new()
    await pair.offer(old)
    await until(lambda: pair.pinned(old))
    rotation = rotate(old, new.public.did, pair.uri, datetime.now(UTC))
    assert (await pair.offer(new, rotation=rotation)).body["key"]["did"] == new.public.did
    await until(lambda: pair.pinned(new))
    assert await pair.there.ctx.db.values(ENDING) == [old.public.did]
    assert await pair.there.ctx.db.values(RIPENING) == []


async def test_a_change_that_the_old_key_did_not_sign_waits(pair: Pair) -> None:
    old, new = RecoveryKey.new(), RecoveryKey.new()
    await pair.offer(old)
    forged = rotate(new, new.public.did, pair.uri, datetime.now(UTC))
    assert (await pair.offer(new, rotation=forged)).status == 422
    answer = await pair.offer(new)
    assert answer.body["key"]["did"] == old.public.did
    assert answer.body["waiting"]["did"] == new.public.did
    await make_due_changes(pair.here.ctx)
    assert (await pair.here.request("GET", API, token=pair.ada.token)).body["waiting"] is not None
    off = await pair.here.request("DELETE", f"{API}/waiting", token=pair.ada.token)
    assert off.body["waiting"] is None


async def test_after_72_hours_the_new_key_is_in_use(pair: Pair) -> None:
    old, new = RecoveryKey.new(), RecoveryKey.new()
    await pair.offer(old)
    await pair.offer(new)
    await pair.here.ctx.db.execute(WAITED)
    await make_due_changes(pair.here.ctx)
    shown = await pair.here.request("GET", API, token=pair.ada.token)
    assert (shown.body["key"]["did"], shown.body["waiting"]) == (new.public.did, None)
    await until(lambda: warned(pair))


async def warned(pair: Pair) -> bool:
    """Whether a mail told ada what was about to happen."""
    await send_due(pair.here.ctx)
    mails = [message_from_bytes(one.read_bytes()) for one in written_mails(pair)]
    texts = [str(one.get_payload(decode=True)) for one in mails]
    return any("is to be replaced in 72 hours" in one.replace("\\n", " ") for one in texts)


def written_mails(pair: Pair) -> list[Path]:
    return sorted(mail_folder(pair.here.ctx.config).glob("*.eml"))


async def test_a_key_is_removed_by_its_own_word(pair: Pair) -> None:
    key = RecoveryKey.new()
    await pair.offer(key)
    await until(lambda: pair.pinned(key))
    body = {"password": PASSWORD}
    waits = await pair.here.request("DELETE", API, token=pair.ada.token, body=body)
    assert waits.body["waiting"]["did"] is None
    removal = give_up(key, pair.uri, datetime.now(UTC))
    gone = await pair.here.request(
        "DELETE", API, token=pair.ada.token, body=body | {"removal": removal}
    )
    assert (gone.body["key"], gone.body["waiting"]) == (None, None)
    # A peer cannot know who removed it: there it counts for 72 hours more.
    await until(lambda: pair.pinned())
    assert await pair.there.ctx.db.values(ENDING) == [key.public.did]
    assert PERSONS_WORD.total_seconds() == 72 * 3600
