"""Each kind of peer that an evacuation speaks to, as its row in docs/survival.md says, running on
loopback; and what stands in the place of a lost domain."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tests.resilience.model_peer import Dropped, Json, ModelPeer, Names, Unanswered, same_host


class Mastodon(ModelPeer):
    """The rules of the base class."""


class GoToSocial(ModelPeer):
    """Inboxes of people only; five minutes between two looks at Moves of one account; an Update
    whose host does not answer keeps it busy with WebFinger for minutes."""

    software = "gotosocial"
    refetches = None  # it refuses a key that has changed
    shared_inbox = False

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        if inbox == "/inbox":
            raise Dropped("there is no shared inbox")
        if activity["object"] != signer:
            raise Dropped("object is not a string")
        now = self.clock[0]
        if signer in self.tried and (now - self.tried[signer]).total_seconds() < 300:
            raise Dropped("a Move was looked at less than five minutes ago")
        if signer in self.busy:
            raise Dropped("still waiting for WebFinger of the dead host")
        self.tried[signer] = now
        target = await self.fetch_actor(activity["target"])
        if target.get("movedTo"):
            raise Dropped("the target has moved")
        self.require_alias(target, signer)
        await self.take_along(signer, target["id"])

    async def updated(self, activity: Json, signer: str) -> None:
        try:
            await self.fetch(f"http://{urlsplit(signer).netloc}/.well-known/webfinger?resource=x")
        except Unanswered:
            self.busy.add(signer)
        profile = dict(activity["object"])
        shared = profile.get("endpoints", {}).get("sharedInbox")
        if shared and not same_host(shared, signer):
            profile.pop("endpoints")
        self.keep(profile)


class Akkoma(ModelPeer):
    """An inbox of another origin is no inbox of the actor."""

    software = "akkoma"
    refetches = timedelta()

    async def updated(self, activity: Json, signer: str) -> None:
        if not same_host(activity["object"]["inbox"], signer):
            raise Dropped("the inbox is of another origin")
        self.keep(activity["object"])


class Mitra(ModelPeer):
    """Every field of a Move is a string; inboxes of people only."""

    software = "mitra"
    shared_inbox = False

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        if not all(isinstance(activity.get(name), str) for name in ("actor", "object", "target")):
            raise Dropped("a Move has strings only")
        target = await self.fetch_actor(activity["target"])
        self.require_alias(target, signer)
        await self.take_along(signer, target["id"])


class Fedify(ModelPeer):
    """The moved actor is fetched from its origin, unless it is embedded under an id of the same
    origin as the activity's."""

    software = "hollo"
    refetches = timedelta()

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        moved = activity["object"]
        if isinstance(moved, str) or not same_host(moved["id"], activity["id"]):
            moved = await self.fetch_actor(moved if isinstance(moved, str) else moved["id"])
        if not moved.get("preferredUsername") or not moved.get("inbox") or moved["id"] != signer:
            raise Dropped("the embedded actor cannot be stored")
        target = await self.fetch_actor(activity["target"])
        self.require_alias(target, signer)
        await self.take_along(signer, target["id"])


class Misskey(ModelPeer):
    """A Move makes it read the origin. An Update names the target in `movedTo`; every address in
    it is of the signer's host; an activity with an id of another host is dropped."""

    software = "misskey"
    refetches = None

    async def receive(self, activity: Json, signer: str, inbox: str) -> None:
        if not same_host(activity["id"], signer):
            raise Dropped("the id is of another host than the signer")
        await super().receive(activity, signer, inbox)

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        await self.fetch_actor(signer)

    async def updated(self, activity: Json, signer: str) -> None:
        profile = activity["object"]
        addresses = [profile["id"], profile["inbox"], profile["publicKey"]["id"]]
        addresses += [profile.get(one) for one in ("outbox", "followers", "following", "url")]
        addresses.append(profile.get("endpoints", {}).get("sharedInbox"))
        if not all(same_host(one, signer) for one in addresses if one):
            raise Dropped("an address is of another host")
        before = self.actors.get(signer, {}).get("movedTo")
        self.keep(profile)
        if profile.get("movedTo") and not before:
            target = await self.fetch_actor(profile["movedTo"])
            self.require_alias(target, signer)
            await self.take_along(signer, target["id"])


class Snac(ModelPeer):
    """The target is looked up among what has come in, never fetched; only whom the Move was sent to
    goes along."""

    software = "snac"
    refetches = None
    shared_inbox = False

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        if activity["object"] != signer:
            raise Dropped("object is not the signer's id")
        target = self.actors.get(activity["target"])
        if target is None:
            raise Dropped("the target is not known here")
        self.require_alias(target, signer)
        await self.take_along(signer, target["id"], only=inbox.split("/")[2])


class Takahe(ModelPeer):
    """Knows no Move; posts are shown."""

    software = "takahe"

    async def moved(self, activity: Json, signer: str, inbox: str) -> None:
        raise Dropped("Moves are ignored")

    async def updated(self, activity: Json, signer: str) -> None:
        await self.fetch_actor(signer)


MOVING = (Mastodon, GoToSocial, Akkoma, Mitra, Fedify, Misskey, Snac)


@asynccontextmanager
async def model_peers(
    names: Names, ports: Mapping[type[ModelPeer], int], people: int
) -> AsyncIterator[list[ModelPeer]]:
    """Run a peer of each kind on loopback, under the name of its software."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=200)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        peers = []
        for kind, port in ports.items():
            name = f"{kind.__name__.lower()}.test"
            names.ports[name] = port
            who = tuple(f"reader{number}" for number in range(people))
            peer = kind(name, names, session, who)
            runner = web.AppRunner(_app(peer), access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", port).start()
            peers.append(peer)
        try:
            yield peers
        finally:
            for task in [task for peer in peers for task in peer.retries]:
                task.cancel()


def _app(peer: ModelPeer) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", peer.handle)
    return app


@asynccontextmanager
async def parking_page(port: int, status: int = 200) -> AsyncIterator[None]:
    """What answers in the place of a lost domain: HTML for everything."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<h1>This domain</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()
