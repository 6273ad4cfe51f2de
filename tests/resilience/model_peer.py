"""Peers that follow a Move as the software does that they stand for, and as strictly.

Each rule is a row of the table in docs/survival.md: what is fetched, what is compared, and what is
silently dropped. They speak real HTTP, verify each signature with a key they stored while its owner
lived, and sign their Follows. Names lead to ports by a map that all of them share, so that a domain
can be lost while its peers run.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
from aiohttp import web

from activitypub.errors import SignatureError
from activitypub.keys import load_public_key, public_key_to_pem
from activitypub.signatures import Claim, SignedRequest, check_signature, read_claim, sign_cavage
from tests.federation.fake_peer import ACTIVITY_JSON, rsa_key

Json = dict[str, Any]
_NO_NAME, _DOWN = 0, -1
_TRIES, _TRY_EVERY_S = 100, 0.2
_CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]


class Unanswered(Exception):
    """A document that could not be had."""


class Dropped(Exception):
    """An activity that changes nothing here; the sender is not told."""


@dataclass(slots=True)
class Names:
    """Which port each name leads to. None: it does not resolve."""

    ports: dict[str, int | None] = field(default_factory=dict)

    def at(self, url: str) -> tuple[str, str]:
        """Give where to connect, and the Host header."""
        parts = urlsplit(url)
        port = self.ports.get(parts.netloc)
        if port is None:
            raise Unanswered(f"{parts.netloc} does not resolve")
        query = f"?{parts.query}" if parts.query else ""
        return f"http://127.0.0.1:{port}{parts.path}{query}", parts.netloc

    def for_instance(self) -> Mapping[str, str]:
        return {name: f"127.0.0.1:{port}" for name, port in self.ports.items() if port}


@dataclass(frozen=True, slots=True)
class Received:
    """An activity that came, and to which inbox."""

    inbox: str
    document: Json


@dataclass
class ModelPeer:
    """A server with some people. What a subclass changes is what its software does otherwise."""

    software: ClassVar[str] = "mastodon"
    shared_inbox: ClassVar[bool] = True
    # How old what it knows of an actor must be, to be read anew when a signature does not fit the
    # stored key. None: never.
    refetches: ClassVar[timedelta | None] = timedelta(days=1)

    name: str
    names: Names
    session: aiohttp.ClientSession
    people: tuple[str, ...]
    clock: list[datetime] = field(default_factory=lambda: [datetime.now(UTC)])
    actors: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    # follower -> whom -> "asked" or "accepted"
    follows: dict[str, dict[str, str]] = field(default_factory=dict)
    sent: dict[str, tuple[str, str]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    home: list[Json] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    number: int = 0
    read_at: dict[str, datetime] = field(default_factory=dict)
    # Seconds to wait that the first activity from now on is answered with.
    busy_for: int = 0
    refused_while_busy: int = 0
    retries: set[asyncio.Task[None]] = field(default_factory=set)
    # Who of elsewhere follows whom of its people.
    readers: set[tuple[str, str]] = field(default_factory=set)
    # GoToSocial: when a Move of an account was last looked at, and which it waits for in vain.
    tried: dict[str, datetime] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    @property
    def base(self) -> str:
        return f"http://{self.name}"

    def uri(self, person: str) -> str:
        return f"{self.base}/users/{person}"

    def person(self, name: str) -> Json:
        uri = self.uri(name)
        key = rsa_key("model peers").public_key()
        return {
            "@context": _CONTEXT,
            "id": uri,
            "type": "Person",
            "preferredUsername": name,
            "inbox": f"{uri}/inbox",
            "followers": f"{uri}/followers",
            **({"endpoints": {"sharedInbox": f"{self.base}/inbox"}} if self.shared_inbox else {}),
            "publicKey": {
                "id": f"{uri}#main-key",
                "owner": uri,
                "publicKeyPem": public_key_to_pem(key),
            },
        }

    # --- what its people do ---

    async def follow(self, person: str, target: str) -> None:
        """Ask to follow somebody, whose document is read where it is not known."""
        await self.known(target)
        self.number += 1
        activity_id = f"{self.base}/follows/{self.number}"
        self.follows.setdefault(person, {})[target] = "asked"
        self.sent[activity_id] = (person, target)
        await self.send(
            person,
            {"id": activity_id, "type": "Follow", "object": target},
            self.actors[target]["inbox"],
        )

    async def unfollow(self, person: str, target: str) -> None:
        """Take the follow back, as a move does of the old one."""
        follow_id = next(i for i, sent in self.sent.items() if sent == (person, target))
        self.follows[person].pop(target, None)
        self.number += 1
        undone = {"id": follow_id, "type": "Follow", "actor": self.uri(person), "object": target}
        await self.send(
            person,
            {"id": f"{self.base}/undos/{self.number}", "type": "Undo", "object": undone},
            self.actors[target]["inbox"],
        )

    async def send(self, person: str, activity: Json, inbox: str) -> int:
        """Sign and post. A server that is down for a moment is tried again for a while, beside
        everything else; a name that does not resolve costs the activity."""
        status = await self._post(person, activity, inbox)
        if status == _DOWN:
            task = asyncio.create_task(self._send_later(person, activity, inbox))
            self.retries.add(task)
            task.add_done_callback(self.retries.discard)
        return status

    async def _send_later(self, person: str, activity: Json, inbox: str) -> None:
        for _ in range(_TRIES):
            await asyncio.sleep(_TRY_EVERY_S)
            if await self._post(person, activity, inbox) != _DOWN:
                return

    async def _post(self, person: str, activity: Json, inbox: str) -> int:
        body = orjson.dumps({"@context": _CONTEXT[0], "actor": self.uri(person), **activity})
        try:
            url, host = self.names.at(inbox)
        except Unanswered:
            return _NO_NAME
        signed = sign_cavage(
            "POST",
            inbox,
            key_id=f"{self.uri(person)}#main-key",
            private_key=rsa_key("model peers"),
            now=datetime.now(UTC),
            body=body,
        )
        headers = {"Content-Type": ACTIVITY_JSON, **signed, "Host": host}
        try:
            async with self.session.post(url, data=body, headers=headers) as response:
                return response.status
        except aiohttp.ClientError:
            return _DOWN

    def following(self, target: str) -> int:
        """How many of its people follow `target`, by the target's word."""
        return sum(one.get(target) == "accepted" for one in self.follows.values())

    # --- what it knows of others ---

    async def fetch(self, url: str, accept: str = ACTIVITY_JSON) -> Json:
        """Read a document from its origin."""
        try:
            where, host = self.names.at(url)
            headers = {"Accept": accept, "Host": host}
            async with self.session.get(where, headers=headers) as response:
                if response.status != 200 or "json" not in response.content_type:
                    raise Unanswered(f"{url} answered {response.status}")
                document: Json = orjson.loads(await response.read())
        except (aiohttp.ClientError, orjson.JSONDecodeError) as error:
            raise Unanswered(url) from error
        return document

    async def fetch_actor(self, uri: str) -> Json:
        """Read an actor anew and keep it, with its key."""
        document = await self.fetch(uri)
        if document.get("id") != uri:
            raise Unanswered(f"{uri} is {document.get('id')}")
        self.read_at[uri] = self.clock[0]
        return self.keep(document)

    def keep(self, document: Json) -> Json:
        self.actors[document["id"]] = document
        key = document["publicKey"]
        self.keys[key["id"]] = key
        return document

    async def known(self, uri: str) -> Json:
        return self.actors.get(uri) or await self.fetch_actor(uri)

    # --- its inbox ---

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return self._served(request)
        body = await request.read()
        if self.busy_for and not self.refused_while_busy:
            self.refused_while_busy += 1
            return web.Response(status=429, headers={"Retry-After": str(self.busy_for)})
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = SignedRequest("POST", self.base + request.raw_path, headers, body)
        try:
            signer = await self._signer(signed)
        except (SignatureError, Unanswered):
            return web.Response(status=401)
        document: Json = orjson.loads(body)
        if document.get("actor") != signer:
            return web.Response(status=401)
        self.received.append(Received(request.path, document))
        try:
            await self.receive(document, signer, request.path)
        except (Dropped, Unanswered) as error:
            self.dropped.append(f"{document['type']}: {error}")
        return web.Response(status=202)

    def _served(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/.well-known/webfinger":
            acct = parse_qs(request.query_string)["resource"][0]
            name = acct.removeprefix("acct:").partition("@")[0]
            link = {"rel": "self", "type": ACTIVITY_JSON, "href": self.uri(name)}
            return web.json_response({"subject": acct, "links": [link]})
        name = request.path.removeprefix("/users/")
        if name not in self.people:
            return web.Response(status=404)
        return web.Response(
            body=orjson.dumps(self.person(name)), headers={"Content-Type": ACTIVITY_JSON}
        )

    async def _signer(self, signed: SignedRequest) -> str:
        """By the stored key; the network is asked only for one that was never stored."""
        claim = read_claim(signed, now=datetime.now(UTC))
        if claim.key_id not in self.keys:
            await self.fetch_actor(claim.key_id.partition("#")[0])
        owner: str = self.keys[claim.key_id]["owner"]
        try:
            self._check(claim)
        except SignatureError:
            age = self.clock[0] - self.read_at.get(owner, self.clock[0])
            if self.refetches is None or age < self.refetches:
                raise
            await self.fetch_actor(owner)
            self._check(claim)
        return owner

    def _check(self, claim: Claim) -> None:
        check_signature(claim, load_public_key(self.keys[claim.key_id]["publicKeyPem"]))

    async def receive(self, activity: Json, signer: str, inbox: str) -> None:
        match activity["type"]:
            case "Accept":
                self._accepted(activity, signer)
            case "Update" if isinstance(activity["object"], dict):
                await self.updated(activity, signer)
            case "Move":
                await self.moved(activity, signer, inbox)
            case "Follow":
                await self._followed(activity, signer)
            case "Create":
                self._created(activity, signer)
            case other:
                raise Dropped(f"no reader for {other}")

    async def _followed(self, activity: Json, signer: str) -> None:
        name = activity["object"].removeprefix(f"{self.base}/users/")
        actor = await self.known(signer)
        self.readers.add((signer, name))
        self.number += 1
        accept = {"id": f"{self.base}/accepts/{self.number}", "type": "Accept"}
        await self.send(name, {**accept, "object": activity}, actor["inbox"])

    def _accepted(self, activity: Json, signer: str) -> None:
        follow = activity["object"]
        person, target = self.sent[follow["id"] if isinstance(follow, dict) else follow]
        if target != signer:
            raise Dropped("somebody else accepts")
        self.follows[person][target] = "accepted"

    def _created(self, activity: Json, signer: str) -> None:
        note = activity["object"]
        if note["attributedTo"] != signer or not same_host(note["id"], signer):
            raise Dropped("not the signer's own post")
        self.home.append(note)

    async def updated(self, activity: Json, signer: str) -> None:
        """Mastodon: a signed Update of oneself is stored as it is; nothing is fetched for it."""
        profile = activity["object"]
        if profile["id"] != signer or not same_host(activity["id"], signer):
            raise Dropped("not the signer's own profile")
        self.keep(profile)

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        """Mastodon: the target alone is fetched, has to name the old account, and its handle has
        to lead to it."""
        if activity["object"] != signer:
            raise Dropped("object is not the signer's id")
        target = await self.fetch_actor(activity["target"])
        self.require_alias(target, signer)
        await self._require_handle(target)
        await self.take_along(signer, target["id"])

    def require_alias(self, target: Json, old: str) -> None:
        aliases = target.get("alsoKnownAs")
        if not isinstance(aliases, list) or old not in aliases:
            raise Dropped("the target does not name the old account")

    async def _require_handle(self, target: Json) -> None:
        host = urlsplit(target["id"]).netloc
        acct = f"acct:{target['preferredUsername']}@{host}"
        found = await self.fetch(
            f"http://{host}/.well-known/webfinger?resource={acct}", "application/jrd+json"
        )
        links = [one["href"] for one in found["links"] if one.get("rel") == "self"]
        if links != [target["id"]]:
            raise Dropped("the handle does not lead to the target")

    async def take_along(self, old: str, new: str, only: str | None = None) -> None:
        """Let its people follow the new account, then end their follows of the old one."""
        for person in self.people:
            if old in self.follows.get(person, {}) and only in (None, person):
                await self.follow(person, new)
                await self.unfollow(person, old)


def same_host(one: str, other: str) -> bool:
    """Whether two addresses are of one host, as peers compare them."""
    return urlsplit(one).netloc == urlsplit(other).netloc
