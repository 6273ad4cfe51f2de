"""What an instance tells everybody about its recovery key."""

from typing import Any

import aiohttp
import pytest

from activitypub.keys import did_key
from fedserver.errors import Refused
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import check_statement
from fedserver.services.instance_recovery import adopt_recovery_key, statement_key
from tests.federation.conftest import Server


async def told(server: Server) -> dict[str, Any]:
    url = f"{server.base_url}/nodeinfo/2.1"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        metadata: dict[str, Any] = (await answer.json())["metadata"]
        return metadata


async def test_the_recovery_key_vouches_for_the_key_that_signs(server: Server) -> None:
    assert "recoveryKey" not in await told(server)
    key = RecoveryKey.new()
    await adopt_recovery_key(server.ctx, key)
    metadata = await told(server)
    assert metadata["recoveryKey"] == key.public.did
    (authorization,) = metadata["recoveryStatements"]
    check_statement(authorization, trusted=[key.public.did], now=server.ctx.clock.now())
    assert authorization["instance"] == server.base_url
    assert authorization["key"] == did_key((await statement_key(server.ctx)).public_key())


async def test_only_the_key_before_can_name_the_next_one(server: Server) -> None:
    first, second, thief = RecoveryKey.new(), RecoveryKey.new(), RecoveryKey.new()
    await adopt_recovery_key(server.ctx, first)
    for wrong in (None, thief):
        with pytest.raises(Refused, match="--replace"):
            await adopt_recovery_key(server.ctx, second, former=wrong)
    await adopt_recovery_key(server.ctx, second, former=first)
    metadata = await told(server)
    assert metadata["recoveryKey"] == second.public.did
    (_, rotation) = metadata["recoveryStatements"]
    check_statement(rotation, trusted=[first.public.did], now=server.ctx.clock.now())
    assert (rotation["from"], rotation["to"]) == (first.public.did, second.public.did)
