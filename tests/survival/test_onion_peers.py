"""Two whole instances, one of which is nowhere but in the onion network."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.onions import onion_name
from fedserver.config import NetworkConfig
from fedserver.services import peers
from tests.conftest import unused_port
from tests.instances import Instance, start_instance
from tests.socks_stub import Socks, socks_proxy
from tests.waiting import until

ONION = onion_name(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class Pair:
    """The one with a name in DNS, the hidden one, and the proxy between them."""

    open: Instance
    hidden: Instance
    socks: Socks
    looked_up: list[str]


@pytest.fixture
async def pair(
    database_dsn: str,
    second_database_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Pair]:
    looked_up: list[str] = []
    look_up = socket.getaddrinfo

    def noted(host: Any, *rest: Any, **more: Any) -> Any:
        looked_up.append(host if isinstance(host, str) else bytes(host).decode())
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    port, hidden_port = unused_port(), unused_port()
    async with (
        socks_proxy({f"{ONION}:80": hidden_port}) as socks,
        start_instance(
            database_dsn,
            tmp_path / "open",
            port,
            network=NetworkConfig(socks=socks.url),
        ) as open_one,
        start_instance(
            second_database_dsn,
            tmp_path / "hidden",
            hidden_port,
            domain=ONION,
            peers=(port,),
            plain_http=True,
            allow_under_public_domain=True,
        ) as hidden,
    ):
        yield Pair(open_one, hidden, socks, looked_up)


async def test_people_follow_and_read_each_other_across_the_onion_network(pair: Pair) -> None:
    ada, bob = await pair.open.person("ada"), await pair.hidden.person("bob")
    assert bob.acct == f"bob@{ONION}"
    (found,) = (await ada.get("/api/v2/search", q=f"@{bob.acct}", resolve="true"))["accounts"]
    assert found["uri"] == f"http://{ONION}/users/bob"
    await ada.post(f"/api/v1/accounts/{found['id']}/follow")

    async def followed() -> bool:
        relations = await ada.get("/api/v1/accounts/relationships", **{"id[]": found["id"]})
        return bool(relations[0]["following"])

    await until(followed)
    (fan,) = (await bob.get("/api/v2/search", q=f"@{ada.acct}", resolve="true"))["accounts"]
    await bob.post(f"/api/v1/accounts/{fan['id']}/follow")
    written = await bob.post("/api/v1/statuses", status="from below")

    async def heard() -> bool:
        home = await ada.get("/api/v1/timelines/home")
        return any(one["uri"] == written["uri"] for one in home)

    await until(heard)
    (post,) = await ada.get("/api/v1/timelines/home")
    assert post["uri"].startswith(f"http://{ONION}/")
    answer = await ada.post(
        "/api/v1/statuses", status=f"@{bob.acct} heard you", in_reply_to_id=post["id"]
    )

    async def answered() -> bool:
        told = await bob.get("/api/v1/notifications", **{"types[]": "mention"})
        return any(one["status"]["uri"] == answer["uri"] for one in told)

    await until(answered)
    assert set(pair.socks.asked) == {f"{ONION}:80"}
    assert pair.looked_up
    assert not [host for host in pair.looked_up if host.endswith(".onion")]


async def test_a_blocked_peer_is_reached_through_the_proxy(
    database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> None:
    port, peer_port, shut = unused_port(), unused_port(), unused_port()
    name = f"blocked.example:{peer_port}"
    async with (
        socks_proxy({name: peer_port}) as socks,
        start_instance(
            database_dsn,
            tmp_path / "ours",
            port,
            network=NetworkConfig(socks=socks.url, fallback=True),
            reachable_addresses=(f"127.0.0.1:{shut}",),
            host_map={name: f"127.0.0.1:{shut}"},
        ) as ours,
        start_instance(
            second_database_dsn,
            tmp_path / "peer",
            peer_port,
            domain=name,
            peers=(port,),
            plain_http=True,
            allow_under_public_domain=True,
        ) as peer,
    ):
        ada, bob = await ours.person("ada"), await peer.person("bob")
        (fan,) = (await bob.get("/api/v2/search", q=f"@{ada.acct}", resolve="true"))["accounts"]
        await bob.post(f"/api/v1/accounts/{fan['id']}/follow")

        async def followed() -> bool:
            relations = await bob.get("/api/v1/accounts/relationships", **{"id[]": fan["id"]})
            return bool(relations[0]["following"])

        await until(followed)
        written = await ada.post("/api/v1/statuses", status="round the block")

        async def heard() -> bool:
            home = await bob.get("/api/v1/timelines/home")
            return any(one["uri"] == written["uri"] for one in home)

        await until(heard)
        assert set(socks.asked) == {name}
        stand = await peers.peers(ours.ctx, host=name, failing=False)
        assert [one.state for one in stand] == ["ok"]
