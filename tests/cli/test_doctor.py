"""The doctor: what it finds, for each fault there is."""

import asyncio
import shutil
import ssl
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedserver.cli import house
from fedserver.cli.findings import Finding
from fedserver.cli.house import check_clock, check_database, check_disk
from fedserver.cli.public_name import check_public_name
from fedserver.clock import FixedClock, SystemClock
from fedserver.config import Config, DevelopmentConfig, InstanceConfig
from storage.database import Database
from storage.server.health import DatabaseHealth, look
from tests.cli.commands import Command

NOW = datetime(2026, 11, 23, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")


def health(version: int = 180_006, schema: int = 3) -> DatabaseHealth:
    return DatabaseHealth(version=version, time=NOW, schema=schema, newest_schema=3)


class TestHouse:
    def test_a_database_as_it_should_be(self) -> None:
        assert str(check_database(health())) == "ok    database: PostgreSQL 18, schema 3"

    @pytest.mark.parametrize(
        ("found", "state", "advice"),
        [
            (health(version=140_012), "fail", "PostgreSQL 15"),
            (health(schema=1), "warn", "fedserver run"),
            (health(schema=9), "warn", "version of fedserver"),
        ],
    )
    def test_other_databases(self, found: DatabaseHealth, state: str, advice: str) -> None:
        finding = check_database(found)
        assert finding.state == state
        assert advice in str(finding)

    async def test_the_health_of_a_real_database(self, db: Database) -> None:
        found = await look(db)
        assert found.major_version >= 18
        assert found.schema == found.newest_schema > 0
        assert check_clock("clock", "its", found.time, SystemClock()).state == "ok"

    @pytest.mark.parametrize(
        ("off", "state"),
        [(timedelta(), "ok"), (timedelta(seconds=20), "warn"), (timedelta(hours=-1), "fail")],
    )
    def test_clocks(self, off: timedelta, state: str) -> None:
        assert check_clock("clock", "the other", NOW + off, FixedClock(NOW)).state == state

    @pytest.mark.parametrize(
        ("free", "state"), [(10 * 1024**3, "ok"), (1024**3, "warn"), (1024**2, "fail")]
    )
    def test_disks(self, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
        monkeypatch.setattr(house.shutil, "disk_usage", lambda _path: Usage(free, 0, free))
        assert check_disk(Path("/none/data")).state == state
        assert shutil.disk_usage("/").free == free


class TestPublicName:
    """Against servers on loopback that answer right, wrong, or not at all."""

    async def found(self, config: Config) -> dict[str, Finding]:
        findings = await check_public_name(config, SystemClock())
        return {finding.subject: finding for finding in findings}

    def config(self, domain: str) -> Config:
        return Config(instance=InstanceConfig(domain=domain))

    async def serve(self, port: int, answers: dict[str, object]) -> web.AppRunner:
        async def answer(request: web.Request) -> web.Response:
            if request.path not in answers:
                raise web.HTTPNotFound
            return web.json_response(answers[request.path])

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    async def test_all_is_well(self, free_port: int) -> None:
        domain = f"127.0.0.1:{free_port}"
        uri = f"http://{domain}/actor"
        links = [{"rel": "self", "type": "application/activity+json", "href": uri}]
        runner = await self.serve(
            free_port,
            {
                "/actor": {"id": uri, "preferredUsername": "me"},
                "/.well-known/webfinger": {"subject": f"acct:me@{domain}", "links": links},
            },
        )
        try:
            found = await self.found(self.config(domain))
        finally:
            await runner.cleanup()
        assert {name: one.state for name, one in found.items()} == dict.fromkeys(
            ("name", "actor", "clock", "WebFinger"), "ok"
        )

    async def test_nobody_answers(self, free_port: int) -> None:
        found = await self.found(self.config(f"127.0.0.1:{free_port}"))
        assert found["actor"].state == "fail"
        assert "is fedserver running?" in found["actor"].advice

    async def test_somebody_else_answers(self, free_port: int) -> None:
        runner = await self.serve(free_port, {"/actor": {"id": "https://other.example/actor"}})
        try:
            found = await self.found(self.config(f"127.0.0.1:{free_port}"))
        finally:
            await runner.cleanup()
        assert found["actor"].state == "fail"
        assert "something else answers" in found["actor"].advice

    async def test_webfinger_is_not_passed_on(self, free_port: int) -> None:
        domain = f"127.0.0.1:{free_port}"
        actor = {"id": f"http://{domain}/actor", "preferredUsername": "me"}
        runner = await self.serve(free_port, {"/actor": actor})
        try:
            found = await self.found(self.config(domain))
        finally:
            await runner.cleanup()
        assert found["actor"].state == "ok"
        assert found["WebFinger"].state == "fail"
        assert "/.well-known/webfinger" in found["WebFinger"].advice

    async def test_a_name_without_address(self) -> None:
        found = await self.found(self.config("no-such-host.invalid"))
        assert found["name"].state == "fail"
        assert "DNS" in found["name"].advice


class TestTls:
    """A server on loopback with a certificate of its own making."""

    def config(self, port: int, ca_file: Path | None = None) -> Config:
        return Config(
            instance=InstanceConfig(domain=f"localhost:{port}"),
            development=DevelopmentConfig(plain_http=False, ca_file=ca_file),
        )

    async def finding(self, config: Config) -> Finding:
        findings = await check_public_name(config, SystemClock())
        return next(finding for finding in findings if finding.subject == "TLS")

    async def serve(self, port: int, certificate: Path) -> asyncio.Server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        return await asyncio.start_server(
            lambda _reader, writer: writer.close(), "localhost", port, ssl=context
        )

    async def test_nobody_there(self, free_port: int) -> None:
        finding = await self.finding(self.config(free_port))
        assert finding.state == "fail"
        assert f"port {free_port} open in the firewall" in finding.advice

    @pytest.mark.parametrize(("days", "state"), [(60, "ok"), (5, "warn")])
    async def test_the_end_of_the_certificate(
        self, tmp_path: Path, free_port: int, days: int, state: str
    ) -> None:
        certificate = make_certificate(tmp_path, timedelta(days=days, hours=1))
        async with await self.serve(free_port, certificate):
            finding = await self.finding(self.config(free_port, certificate))
        assert finding.state == state
        assert f"valid for {days} more days" in finding.text

    async def test_a_certificate_nobody_trusts(self, tmp_path: Path, free_port: int) -> None:
        certificate = make_certificate(tmp_path, timedelta(days=60))
        async with await self.serve(free_port, certificate):
            finding = await self.finding(self.config(free_port))
        assert finding.state == "fail"
        assert "do not trust it" in finding.text


def make_certificate(folder: Path, valid_for: timedelta) -> Path:
    """Write a self-signed certificate for localhost, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + valid_for)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "certificate.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return file


def test_before_the_first_start(
    command: Command, free_port: int, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.setenv("FEDSERVER_SERVER__PORT", str(free_port))
    result = command("doctor")
    assert result.code == 1
    assert "database: not made yet" in result.out
    assert "fail  actor" in result.out
    assert not (place / "data").exists()
