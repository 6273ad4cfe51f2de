"""Many fake servers in one: actors, WebFinger, and inboxes that only count."""

import asyncio
import ssl
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from benchmarks import signing
from benchmarks.content import actor_document

_ACTIVITY_JSON = "application/activity+json"


@dataclass(frozen=True, slots=True)
class Sender:
    """A remote person whose signed activities are sent."""

    uri: str
    key: rsa.RSAPrivateKey

    @property
    def key_id(self) -> str:
        return f"{self.uri}#main-key"


class Inboxes:
    """Counts what is delivered, and says when enough is there."""

    def __init__(self) -> None:
        self._arrivals: list[float] = []
        self._began = 0.0
        self._wanted = 0
        self._enough = asyncio.Event()

    def expect(self, count: int) -> None:
        """Count from now on, up to `count`."""
        self._arrivals = []
        self._began = time.perf_counter()
        self._wanted = count
        self._enough.clear()

    def add(self) -> None:
        self._arrivals.append(time.perf_counter() - self._began)
        if len(self._arrivals) >= self._wanted:
            self._enough.set()

    async def arrived(self, timeout_s: float) -> list[float]:
        """Wait for all that is expected, and give when each came, in seconds."""
        try:
            await asyncio.wait_for(self._enough.wait(), timeout_s)
        except TimeoutError:
            raise TimeoutError(
                f"{len(self._arrivals)} of {self._wanted} deliveries came within {timeout_s:g} s"
            ) from None
        return self._arrivals


class Peers:
    """The fake servers, on one plain and one TLS port of loopback."""

    def __init__(self, senders: Iterable[Sender], tls_hosts: Iterable[str]) -> None:
        self._documents = {
            one.uri: orjson.dumps(actor_document(one.uri, signing.public_pem(one.key)))
            for one in senders
        }
        self._authority = Authority()
        self._tls_hosts = list(tls_hosts)
        self._runner = web.AppRunner(self._application(), access_log=None, keepalive_timeout=300)
        self.inboxes = Inboxes()

    @property
    def ca_pem(self) -> str:
        return self._authority.pem

    async def start(self) -> tuple[int, int]:
        """Listen, and give the plain and the TLS port."""
        await self._runner.setup()
        plain = web.TCPSite(self._runner, "127.0.0.1", 0)
        await plain.start()
        context = self._authority.server_context(self._tls_hosts)
        secured = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await secured.start()
        ports = [address[1] for address in self._runner.addresses]
        return ports[0], ports[1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/.well-known/webfinger", self._webfinger)
        app.router.add_get("/users/{name}", self._actor)
        app.router.add_post("/users/{name}/inbox", self._inbox)
        app.router.add_post("/inbox", self._inbox)
        return app

    async def _webfinger(self, request: web.Request) -> web.Response:
        resource = request.query.get("resource", "")
        name = resource.removeprefix("acct:").partition("@")[0].rpartition("/")[2]
        uri = f"{request.scheme}://{request.host}/users/{name}"
        links = [{"rel": "self", "type": _ACTIVITY_JSON, "href": uri}]
        answer = {"subject": f"acct:{name}@{request.host}", "aliases": [uri], "links": links}
        return web.Response(body=orjson.dumps(answer), content_type="application/jrd+json")

    async def _actor(self, request: web.Request) -> web.Response:
        uri = f"{request.scheme}://{request.host}{request.path}"
        document = self._documents.get(uri)
        if document is None:
            raise web.HTTPNotFound
        return web.Response(body=document, content_type=_ACTIVITY_JSON)

    async def _inbox(self, request: web.Request) -> web.Response:
        await request.read()
        if "Signature" not in request.headers:
            raise web.HTTPUnauthorized
        self.inboxes.add()
        return web.Response(status=202)


class Authority:
    """A certificate authority that lives as long as the run."""

    def __init__(self) -> None:
        self._key = signing.new_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark authority")])
        self._certificate = self._issue(self._name, self._key.public_key(), ca=True)
        self.pem = self._certificate.public_bytes(Encoding.PEM).decode()

    def server_context(self, hosts: list[str]) -> ssl.SSLContext:
        """Give a TLS context that is believed to be any of `hosts`."""
        key = signing.new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark peers")])
        certificate = self._issue(subject, key.public_key(), hosts=hosts)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            file.write_text(
                signing.private_pem(key) + certificate.public_bytes(Encoding.PEM).decode()
            )
            context.load_cert_chain(file)
        return context

    def _issue(
        self,
        subject: x509.Name,
        key: rsa.RSAPublicKey,
        *,
        ca: bool = False,
        hosts: Iterable[str] = (),
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        names = [x509.DNSName(host) for host in hosts]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, SHA256())
