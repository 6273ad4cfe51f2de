"""Two instances keep sealed chunks for each other: put, get, list, delete, and who may not."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest

from fedserver.errors import Denied, NotFound
from fedserver.recovery.keys import RecoveryKey
from fedserver.services.mirrored import KEPT_SUFFIX, kept_folder
from fedserver.survival.mirrors import negotiating
from fedserver.survival.mirrors.keeping import MAX_CHUNK_BYTES, remove_due, remove_unnamed
from fedserver.survival.mirrors.partners import PATH
from fedserver.survival.mirrors.reading import reading_header
from fedserver.survival.mirrors.target import AsInstance, Entry, QuotaExceeded
from storage.query import Command
from tests.instances import Instance
from tests.survival.partners import (
    QUOTA,
    agree,
    shared,
    target,
    three,
    two,
    with_recovery_key,
    with_words_only,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["shared", "three", "two"]  # fixtures

CHUNK = b"sealed" * 1_000
AGE_REMOVALS = Command("UPDATE mirror_chunks SET remove_after = remove_after - $1::interval")


def files_of(keeper: Instance) -> list[Path]:
    kept = keeper.ctx.config.data.folder / "kept"
    return [path for path in kept.rglob("*") if path.is_file()]


async def test_chunks_are_put_listed_read_and_said_to_be_deleted(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    mirror = target(owner, keeper)
    for name in ("wal/000002", "base/1.tar.age", "wal/000001"):
        await mirror.put(name, CHUNK + name.encode())
    assert await mirror.list() == ["base/1.tar.age", "wal/000001", "wal/000002"]
    assert await mirror.list("wal/") == ["wal/000001", "wal/000002"]
    assert await mirror.get("wal/000001") == CHUNK + b"wal/000001"
    await mirror.delete("wal/000001")
    await mirror.delete("never/there")
    assert await mirror.list("wal/") == ["wal/000002"]


async def test_each_keeps_for_the_other(two: list[Instance]) -> None:
    one, other = two
    await agree(one, other)
    await target(one, other).put("a", b"of one")
    await target(other, one).put("a", b"of the other")
    assert await target(one, other).get("a") == b"of one"
    assert await target(other, one).get("a") == b"of the other"


async def test_nothing_is_overwritten_and_the_same_again_is_nothing(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    mirror = target(owner, keeper)
    await mirror.put("manifest/1", CHUNK)
    await mirror.put("manifest/1", CHUNK)
    with pytest.raises(Denied) as refused:
        await mirror.put("manifest/1", b"something else")
    assert refused.value.status == 409
    assert await mirror.get("manifest/1") == CHUNK
    (contract,) = await negotiating.contracts(keeper.ctx)
    assert contract.kept_bytes == len(CHUNK)
    assert len(files_of(keeper)) == 1


async def test_a_deleted_chunk_stays_for_fourteen_days(three: list[Instance]) -> None:
    owner, keeper, _ = three
    key = await with_recovery_key(owner)
    await agree(owner, keeper)
    mirror = target(owner, keeper)
    await mirror.put("wal/1", CHUNK)
    await mirror.delete("wal/1")
    await keeper.ctx.db.execute(AGE_REMOVALS, timedelta(days=13, hours=23))
    assert await remove_due(keeper.ctx) == 0
    await mirror.delete("wal/1")  # again does not shorten or lengthen it
    rescuer = with_words_only(key, keeper, three[2])
    assert await rescuer.get("wal/1") == CHUNK
    digest = hashlib.sha256(CHUNK).hexdigest()
    assert await rescuer.entries() == [Entry("wal/1", len(CHUNK), digest, removed=True)]
    await keeper.ctx.db.execute(AGE_REMOVALS, timedelta(hours=2))
    assert await remove_due(keeper.ctx) == 1
    with pytest.raises(NotFound):
        await rescuer.get("wal/1")
    assert files_of(keeper) == []
    (contract,) = await negotiating.contracts(keeper.ctx)
    assert contract.kept_bytes == 0


async def test_what_a_killed_process_left_behind_goes(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    await target(owner, keeper).put("a", CHUNK)
    (contract,) = await negotiating.contracts(keeper.ctx)
    place = kept_folder(keeper.ctx, contract.id)
    named = files_of(keeper)
    lost = place.path(await place.put(b"came, and was never named", suffix=KEPT_SUFFIX))
    half = place.path("0" * 64 + KEPT_SUFFIX).parents[2] / "incoming" / "half"
    half.write_bytes(b"came half")
    assert await remove_unnamed(keeper.ctx, contract.id) == 0  # perhaps it is just coming
    for path in (*named, lost, half):
        os.utime(path, (0, 0))
    assert await remove_unnamed(keeper.ctx, contract.id) == 2
    assert files_of(keeper) == named
    assert await target(owner, keeper).get("a") == CHUNK


async def test_content_with_two_names_goes_with_the_last(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    mirror = target(owner, keeper)
    await mirror.put("a", CHUNK)
    await mirror.put("b", CHUNK)
    await mirror.delete("a")
    await keeper.ctx.db.execute(AGE_REMOVALS, timedelta(days=15))
    assert await remove_due(keeper.ctx) == 1
    assert await mirror.get("b") == CHUNK
    await mirror.delete("b")
    await mirror.put("b", CHUNK)  # wanted again after all
    await keeper.ctx.db.execute(AGE_REMOVALS, timedelta(days=15))
    assert await remove_due(keeper.ctx) == 0


async def test_quota_is_held_and_said(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    mirror = target(owner, keeper)
    await mirror.put("large", b"x" * (QUOTA - 10))
    with pytest.raises(QuotaExceeded, match="quota of 1000000 bytes is used up"):
        await mirror.put("more", b"y" * 11)
    await mirror.put("fits", b"y" * 10)


async def test_chunk_that_is_too_large_is_refused_while_it_comes(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper, quota=MAX_CHUNK_BYTES * 2)
    with pytest.raises(QuotaExceeded, match="at most"):
        await target(owner, keeper).put("huge", bytes(MAX_CHUNK_BYTES + 1))
    assert files_of(keeper) == []


async def test_bytes_other_than_announced_are_not_kept(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    url = f"{keeper.base_url}{PATH}/chunk?name=a&sha256={hashlib.sha256(b'said').hexdigest()}"
    headers = await AsInstance(owner.ctx).headers("PUT", url)
    async with owner.session.put(url, data=b"brought", headers=headers) as answer:
        assert answer.status == 422
    assert await target(owner, keeper).list() == []
    assert files_of(keeper) == []


async def test_name_that_could_be_something_else_is_refused(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    for name in ("", "../up", "a//b", "/a", "a b", ".hidden", "x" * 201, "ä"):
        with pytest.raises(Denied) as refused:
            await target(owner, keeper).put(name, CHUNK)
        assert refused.value.status == 422


async def test_stranger_gets_nothing(three: list[Instance]) -> None:
    owner, keeper, stranger = three
    await agree(owner, keeper)
    await target(owner, keeper).put("a", CHUNK)
    mirror = target(stranger, keeper)
    for attempt in (mirror.put("b", CHUNK), mirror.get("a"), mirror.list(), mirror.delete("a")):
        with pytest.raises(Denied) as refused:
            await attempt
        assert refused.value.status == 403
    unsigned = await keeper.request("GET", f"{PATH}/chunk?name=a")
    assert unsigned.status == 401


async def test_partner_does_not_see_what_is_kept_for_another(three: list[Instance]) -> None:
    owner, keeper, other = three
    await agree(owner, keeper)
    await agree(other, keeper)
    await target(owner, keeper).put("a", CHUNK)
    assert await target(other, keeper).list() == []
    with pytest.raises(NotFound):
        await target(other, keeper).get("a")


async def test_words_alone_read_everything_and_change_nothing(three: list[Instance]) -> None:
    owner, keeper, anybody = three
    key = await with_recovery_key(owner)
    await agree(owner, keeper)
    await target(owner, keeper).put("base/1", CHUNK)
    rescuer = with_words_only(key, keeper, anybody)
    assert await rescuer.list() == ["base/1"]
    assert await rescuer.get("base/1") == CHUNK
    for attempt in (rescuer.put("base/2", CHUNK), rescuer.delete("base/1")):
        with pytest.raises(Denied) as refused:
            await attempt
        assert refused.value.status == 401
    wrong = with_words_only(RecoveryKey.new(), keeper, anybody)
    assert await wrong.list() == []
    with pytest.raises(NotFound):
        await wrong.get("base/1")


async def test_statement_counts_where_and_when_it_was_made(three: list[Instance]) -> None:
    owner, keeper, other = three
    key = await with_recovery_key(owner)
    await agree(owner, keeper)
    now = keeper.ctx.clock.now()
    for place, moment in ((other.domain, now), (keeper.domain, now - timedelta(hours=13))):
        headers = reading_header(place, by=key.signing, now=moment)
        answer = await keeper.request("GET", f"{PATH}/chunks", headers=headers)
        assert answer.status == 401, answer
    assert "is the clock right" in answer.body["error"]


async def test_persons_kit_is_read_with_the_persons_key(three: list[Instance]) -> None:
    owner, keeper, anybody = three
    await agree(owner, keeper)
    person = RecoveryKey.new()
    await target(owner, keeper).put("kits/7/1", CHUNK, reader=person.public.did)
    await target(owner, keeper).put("wal/1", b"not theirs")
    mine = with_words_only(person, keeper, anybody)
    assert await mine.list() == ["kits/7/1"]
    assert await mine.get("kits/7/1") == CHUNK
    with pytest.raises(NotFound):
        await mine.get("wal/1")


async def test_ended_contract_takes_nothing_more_and_lets_go_slowly(two: list[Instance]) -> None:
    owner, keeper = two
    await agree(owner, keeper)
    mirror = target(owner, keeper)
    await mirror.put("a", CHUNK)
    await negotiating.end(keeper.ctx, owner.domain)
    with pytest.raises(Denied):
        await mirror.put("b", CHUNK)
    assert await mirror.get("a") == CHUNK
    assert [one.removed for one in await mirror.entries()] == [True]
