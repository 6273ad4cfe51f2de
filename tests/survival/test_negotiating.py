"""Offers, acceptances and ends between two instances, in the orders in which they may come."""

from dataclasses import replace
from typing import Any

import pytest

from fedserver.cli.mirror_findings import check_mirrors
from fedserver.errors import Denied, NotFound, Refused
from fedserver.recovery.statements import sign_statement
from fedserver.services.instance_recovery import statement_key
from fedserver.survival.mirrors import negotiating
from fedserver.survival.mirrors.terms import ACCEPTANCE
from storage.mirrors import ContractRow
from tests.instances import Instance
from tests.survival.partners import CLASSES, QUOTA, agree, shared, three, two, with_recovery_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["shared", "three", "two"]  # fixtures


async def offer(here: Instance, there: Instance, count: int = 1_000) -> None:
    terms: dict[str, Any] = {"kept_bytes": count, "given_bytes": 2 * count, "classes": CLASSES}
    await negotiating.offer(here.ctx, there.domain, **terms)


async def contract(of: Instance) -> ContractRow:
    (found,) = await negotiating.contracts(of.ctx)
    return found


async def test_each_side_knows_what_it_keeps_and_whose_key_may_read(two: list[Instance]) -> None:
    one, other = two
    first, second = await with_recovery_key(one), await with_recovery_key(other)
    await offer(one, other)
    await negotiating.accept(other.ctx, one.domain)
    ours, theirs = await contract(one), await contract(other)
    assert (ours.state, ours.kept_quota, ours.given_quota) == ("agreed", 1_000, 2_000)
    assert (theirs.state, theirs.kept_quota, theirs.given_quota) == ("agreed", 2_000, 1_000)
    assert (ours.recovery_did, theirs.recovery_did) == (second.public.did, first.public.did)
    assert ours.agreement == theirs.agreement
    assert ours.agreement is not None


async def test_doctor_says_what_a_contract_lacks(two: list[Instance]) -> None:
    one, other = two
    did = (await with_recovery_key(other)).public.did
    await agree(one, other)
    assert [found.state for found in check_mirrors([await contract(other)], did)] == ["ok"]
    for own in (None, "did:key:of-today"):
        (without,) = check_mirrors([await contract(one)], own)
        assert (without.state, "does not name our" in without.text) == ("warn", True)
    full = replace(await contract(other), kept_bytes=QUOTA - 1)
    assert "nearly used up" in check_mirrors([full], did)[0].text
    silent = replace(full, last_error="no answer")
    assert "no answer" in check_mirrors([silent], did)[0].text
    assert check_mirrors([replace(full, state="ended")], did) == []


async def test_acceptance_that_is_said_twice_is_one(two: list[Instance]) -> None:
    one, other = two
    await offer(one, other)
    asked = await contract(other)
    await negotiating.accept(other.ctx, one.domain)
    said = {"type": ACCEPTANCE, "offer": asked.offer, "recovery": None}
    now = other.ctx.clock.now()
    again = sign_statement(said, by=await statement_key(other.ctx), now=now)
    before = await contract(one)
    await negotiating._say(other.ctx, one.base_url, "/acceptances", again)
    assert await contract(one) == before


async def test_offer_that_was_changed_cannot_be_accepted_as_it_was(two: list[Instance]) -> None:
    one, other = two
    await offer(one, other)
    old = (await contract(other)).offer
    await offer(one, other, 5)
    said = {"type": ACCEPTANCE, "offer": old, "recovery": None}
    now = other.ctx.clock.now()
    stale = sign_statement(said, by=await statement_key(other.ctx), now=now)
    with pytest.raises(Denied, match="does not offer that any more"):
        await negotiating._say(other.ctx, one.base_url, "/acceptances", stale)
    assert (await contract(one)).state == "offered"


async def test_statement_of_another_key_is_refused(two: list[Instance]) -> None:
    one, other = two
    await offer(one, other)
    key = await with_recovery_key(other)  # a key of theirs, but not the one that signs contracts
    said = {"type": ACCEPTANCE, "offer": (await contract(other)).offer, "recovery": None}
    forged = sign_statement(said, by=key.signing, now=other.ctx.clock.now())
    with pytest.raises(Denied, match="not signed by that instance"):
        await negotiating._say(other.ctx, one.base_url, "/acceptances", forged)
    assert (await contract(one)).state == "offered"


async def test_offers_that_cross_become_one_that_can_be_accepted(two: list[Instance]) -> None:
    one, other = two
    await offer(one, other, 10)
    with pytest.raises(Refused, match="has made an offer itself"):
        await offer(other, one, 20)
    # As if both had been on their way at once.
    signed = (await contract(one)).offer
    await negotiating.end(other.ctx, one.domain)
    await offer(other, one, 20)
    assert signed is not None
    await negotiating._store_offer(
        one.ctx, other.domain, f"{other.base_url}/actor", signed, ours=True
    )
    theirs = (await contract(other)).offer
    assert theirs is not None
    await negotiating._say(one.ctx, other.base_url, "/offers", signed)
    await negotiating._say(other.ctx, one.base_url, "/offers", theirs)
    sides = {row.offered_by_us: at for at in two for row in [await contract(at)]}
    assert set(sides) == {True, False}
    accepted = await negotiating.accept(sides[False].ctx, sides[True].domain)
    assert accepted.state == (await contract(sides[True])).state == "agreed"


async def test_new_terms_count_when_they_are_accepted(two: list[Instance]) -> None:
    one, other = two
    await agree(one, other, quota=100)
    await offer(one, other, 5_000)
    assert [(await contract(at)).kept_quota for at in two] == [100, 100]
    assert [(await contract(at)).state for at in two] == ["agreed", "agreed"]
    await negotiating.accept(other.ctx, one.domain)
    assert [(await contract(at)).kept_quota for at in two] == [5_000, 10_000]


async def test_declined_offer_is_gone_on_both_sides(two: list[Instance]) -> None:
    one, other = two
    await offer(one, other)
    await negotiating.end(other.ctx, one.domain)
    assert [(await contract(at)).state for at in two] == ["ended", "ended"]
    with pytest.raises(NotFound):
        await negotiating.accept(other.ctx, one.domain)
    with pytest.raises(NotFound):
        await negotiating.accept(one.ctx, "nobody.example")
