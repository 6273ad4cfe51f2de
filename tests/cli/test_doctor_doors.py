"""The doctor looks at the proxy and at each alternate door."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.onions import onion_name
from fedserver.cli.doors import check_doors
from fedserver.cli.public_name import check_public_name
from fedserver.clock import SystemClock
from fedserver.config import Config, NetworkConfig, ServerConfig
from tests.conftest import unused_port
from tests.instances import start_instance
from tests.socks_stub import socks_proxy

ONION = onion_name(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


async def states(config: Config) -> dict[str, str]:
    found = await check_doors(config, SystemClock())
    return {one.subject: f"{one.state}: {one.text} {one.advice}" for one in found}


async def test_an_instance_finds_itself_behind_its_doors(database_dsn: str, tmp_path: Path) -> None:
    port = unused_port()
    alternates = (f"http://{ONION}", f"http://127.0.0.1:{port}", "http://gone.invalid")
    async with (
        socks_proxy({f"{ONION}:80": port}) as socks,
        start_instance(
            database_dsn,
            tmp_path / "instance",
            port,
            alternates=alternates,
            network=NetworkConfig(socks=socks.url),
        ) as instance,
    ):
        config = instance.ctx.config
        found = await states(config)
        assert found["proxy"].startswith("ok: 127.0.0.1")
        assert found[f"door {ONION}"].startswith("ok: leads here")
        assert found[f"door 127.0.0.1:{port}"].startswith("ok")
        assert found["door gone.invalid"].startswith("fail: no answer")
        without = replace(config, network=NetworkConfig())
        assert (await states(without))[f"door {ONION}"].startswith("warn: not looked at")


async def test_of_a_name_that_is_an_onion_service_dns_is_not_asked(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    look_up = socket.getaddrinfo

    def noted(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    port = unused_port()
    async with (
        socks_proxy({f"{ONION}:80": port}) as socks,
        start_instance(
            database_dsn,
            tmp_path / "instance",
            port,
            domain=ONION,
            network=NetworkConfig(socks=socks.url),
            allow_under_public_domain=True,
        ) as instance,
    ):
        config = instance.ctx.config
        assert config.base_url == f"http://{ONION}"
        assert await check_public_name(config, SystemClock()) == []
        assert (await states(config))[f"door {ONION}"].startswith("ok: leads here")
    assert ONION not in asked


async def test_a_door_that_leads_elsewhere_is_found() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        config = Config(server=ServerConfig(alternates=(f"http://127.0.0.1:{port}",)))
        found = await states(config)
    assert "not with our actor" in found[f"door 127.0.0.1:{port}"]


async def test_a_proxy_that_is_not_there_or_is_none() -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    gone = Config(network=NetworkConfig(socks=f"socks5://127.0.0.1:{unused_port()}"))
    assert (await states(gone))["proxy"].startswith("fail: nobody")
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        other = Config(network=NetworkConfig(socks=f"socks5://127.0.0.1:{port}"))
        assert "no SOCKS5 proxy" in (await states(other))["proxy"]
    assert await states(Config()) == {}
