"""A peer on loopback: it has actors, signs what it sends (or what no good server would send),
serves documents as it is told to, and keeps what it receives."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import orjson
from aiohttp import web

from activitypub.keys import PrivateKey, generate_rsa_key, public_key_to_pem
from activitypub.signatures import (
    Dialect,
    SignedRequest,
    sign_cavage,
    sign_rfc9421,
)

ACTIVITY_JSON = "application/activity+json"
PROFILED_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
CONTEXT = "https://www.w3.org/ns/activitystreams"
SECURITY = "https://w3id.org/security/v1"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"

Json = dict[str, Any]
Answerer = Callable[["Request"], Awaitable[web.StreamResponse]]


@cache
def rsa_key(name: str) -> PrivateKey:
    """Give the key of this name: making one takes long, so that all tests share them."""
    return generate_rsa_key()


@dataclass(frozen=True, slots=True)
class Request:
    """What the peer was sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Json:
        read: Json = orjson.loads(self.body)
        return read

    @property
    def dialect(self) -> Dialect:
        return Dialect.RFC9421 if "signature-input" in self.headers else Dialect.CAVAGE

    def signed(self, base_url: str) -> SignedRequest:
        """As the verifier wants it."""
        return SignedRequest(self.method, base_url + self.path, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to the peer."""

    status: int
    text: str

    @property
    def error(self) -> str:
        said: str = orjson.loads(self.text)["error"]
        return said


@dataclass(frozen=True, slots=True)
class PeerActor:
    """Somebody at the peer. `key` is what they really have."""

    base_url: str
    name: str
    key: PrivateKey

    @property
    def uri(self) -> str:
        return f"{self.base_url}/users/{self.name}"

    @property
    def key_id(self) -> str:
        return f"{self.uri}#main-key"

    def document(self, **changes: Any) -> Json:
        """Give the actor document."""
        return {
            "@context": [CONTEXT, SECURITY],
            "id": self.uri,
            "type": "Person",
            "preferredUsername": self.name,
            "inbox": f"{self.uri}/inbox",
            "endpoints": {"sharedInbox": f"{self.base_url}/inbox"},
            "publicKey": {
                "id": self.key_id,
                "owner": self.uri,
                "publicKeyPem": public_key_to_pem(self.key.public_key()),
            },
        } | changes

    def note(self, number: int, **changes: Any) -> Json:
        """Give a public Note."""
        return {
            "@context": CONTEXT,
            "id": f"{self.base_url}/notes/{number}",
            "type": "Note",
            "attributedTo": self.uri,
            "content": f"<p>Note {number}</p>",
            "published": "2026-11-01T12:00:00Z",
            "to": [PUBLIC],
        } | changes

    def create(self, number: int, **changes: Any) -> Json:
        """Give the Create of that Note."""
        return self.activity("Create", number, object=self.note(number), to=[PUBLIC]) | changes

    def activity(self, kind: str, number: int, **more: Any) -> Json:
        """Give an activity of this actor."""
        return {
            "@context": CONTEXT,
            "id": f"{self.base_url}/activities/{number}",
            "type": kind,
            "actor": self.uri,
        } | more


@dataclass(slots=True)
class FakePeer:
    """The running peer. Its documents and its answers may be changed at any time."""

    base_url: str
    session: aiohttp.ClientSession
    documents: dict[str, Answerer] = field(default_factory=dict)
    received: list[Request] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    answer_inbox: Answerer | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def actor(self, name: str = "mallory") -> PeerActor:
        """Make an actor and serve its document and its WebFinger."""
        actor = PeerActor(self.base_url, name, rsa_key(name))
        self.serve(f"/users/{name}", actor.document())
        acct = f"acct:{name}@{self.host}"
        self.serve(
            f"/.well-known/webfinger?resource={acct}",
            {
                "subject": acct,
                "links": [{"rel": "self", "type": ACTIVITY_JSON, "href": actor.uri}],
            },
            content_type="application/jrd+json",
        )
        return actor

    def serve(
        self,
        path: str,
        document: Json | bytes,
        *,
        status: int = 200,
        content_type: str = ACTIVITY_JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer every GET of `path` (with its query) so."""
        body = document if isinstance(document, bytes) else orjson.dumps(document)

        async def answer(_request: Request) -> web.StreamResponse:
            return web.Response(
                body=body,
                status=status,
                headers={"Content-Type": content_type} | dict(headers or {}),
            )

        self.documents[path] = answer

    def times_asked(self, path: str) -> int:
        """Say how many GETs of `path` came."""
        return len([request for request in self.asked if request.path == path])

    async def post(
        self,
        inbox: str,
        activity: Json | bytes,
        *,
        actor: PeerActor | None = None,
        key: PrivateKey | None = None,
        key_id: str | None = None,
        dialect: Dialect = Dialect.CAVAGE,
        date: datetime | None = None,
        content_type: str = ACTIVITY_JSON,
        sent_body: bytes | None = None,
        without: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sign `activity` and send it. What is told here differs from what a good peer does:
        another key, another key id, another time, a body that is not what was signed, missing or
        other headers."""
        signer = actor or self.actor()
        body = activity if isinstance(activity, bytes) else orjson.dumps(activity)
        sign = sign_cavage if dialect is Dialect.CAVAGE else sign_rfc9421
        signed = sign(
            "POST",
            inbox,
            key_id=key_id or signer.key_id,
            private_key=key or signer.key,
            now=date or datetime.now(UTC),
            body=body,
        )
        sent = {"Content-Type": content_type} | signed | dict(headers or {})
        kept = {name: value for name, value in sent.items() if name.lower() not in without}
        return await self.post_raw(inbox, body if sent_body is None else sent_body, kept)

    async def post_raw(
        self, inbox: str, body: bytes | AsyncIterator[bytes], headers: Mapping[str, str]
    ) -> Answer:
        """Send a body with exactly these headers."""
        async with self.session.post(inbox, data=body, headers=headers) as response:
            return Answer(response.status, await response.text())

    async def get(self, url: str, *, actor: PeerActor | None = None) -> Answer:
        """Ask for a document, signed by `actor` if there is one."""
        headers = {"Accept": ACTIVITY_JSON}
        if actor is not None:
            now = datetime.now(UTC)
            headers |= sign_cavage("GET", url, key_id=actor.key_id, private_key=actor.key, now=now)
        async with self.session.get(url, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, await response.text())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer anything."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        kept = Request(request.method, request.raw_path, headers, await request.read())
        if request.method == "POST":
            self.received.append(kept)
            if self.answer_inbox is not None:
                return await self.answer_inbox(kept)
            return web.Response(status=202)
        self.asked.append(kept)
        answer = self.documents.get(unquote(kept.path))
        return web.Response(status=404) if answer is None else await answer(kept)


def answering(*statuses: int, headers: Mapping[str, str] | None = None) -> Answerer:
    """Give an inbox that answers with these statuses in turn, and with the last for ever."""
    left = list(statuses)

    async def answer(_request: Request) -> web.StreamResponse:
        status = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, headers=headers)

    return answer


@asynccontextmanager
async def start_peer(port: int) -> AsyncIterator[FakePeer]:
    """Run a peer on loopback."""
    async with aiohttp.ClientSession() as session:
        peer = FakePeer(f"http://localhost:{port}", session)
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{anything:.*}", peer.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield peer
        finally:
            await runner.cleanup()
