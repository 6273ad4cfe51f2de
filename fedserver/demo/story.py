"""What the sample people do, one thing after the other, each waiting for the one before."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fedserver.demo.people import Person

T = TypeVar("T")
Say = Callable[[str], None]

_LOOK_EVERY_S = 0.05
_PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class Cast:
    """Ada and Ben live on the first instance, Cleo on the second."""

    ada: Person
    ben: Person
    cleo: Person


async def play(cast: Cast, say: Say) -> None:
    """Follow, post, reply, boost, favourite, edit and delete across the two instances."""
    ada, ben, cleo = cast.ada, cast.ben, cast.cleo
    say(f"{ada.handle} and {cleo.handle} follow each other, {ben.handle} follows {cleo.handle}")
    for follower, target in ((ada, cleo), (cleo, ada), (ben, cleo)):
        await _follow(follower, target)

    say(f"{ada.handle} posts, and names {cleo.handle}")
    post = await _post(ada, f"Hello {cleo.handle}, can you read me over there? #fedserver")
    received = await _arrives(cleo, post["uri"])

    say(f"{cleo.handle} replies, favourites and boosts")
    reply = await _post(cleo, f"{ada.handle} loud and clear!", in_reply_to_id=received["id"])
    await cleo.call("POST", f"/api/v1/statuses/{received['id']}/favourite")
    await cleo.call("POST", f"/api/v1/statuses/{received['id']}/reblog")
    await _arrives(ada, reply["uri"])

    say(f"{ada.handle} edits the post")
    edited = f"Hello {cleo.handle}, can you read me over there? (I can read you.) #fedserver"
    await ada.call("PUT", f"/api/v1/statuses/{post['id']}", status=edited)

    say(f"{cleo.handle} posts something, and deletes it again")
    mistake = await _post(cleo, "Wrong window.")
    await _arrives(ben, mistake["uri"])
    await cleo.call("DELETE", f"/api/v1/statuses/{mistake['id']}")

    # Of strangers she would be told only if she accepted their request.
    say(f"{ada.handle} writes to {cleo.handle} in private")
    private = await _post(ada, f"{cleo.handle} only you can read this.", visibility="direct")
    await _until(lambda: _told_of(cleo, private["uri"]))


async def _follow(follower: Person, target: Person) -> None:
    account = await follower.find(target)
    await follower.call("POST", f"/api/v1/accounts/{account}/follow")

    async def following() -> bool:
        path = f"/api/v1/accounts/relationships?id[]={account}"
        relations = await follower.call("GET", path)
        return bool(relations[0]["following"])

    await _until(following)


async def _post(person: Person, text: str, **more: str) -> dict[str, Any]:
    status: dict[str, Any] = await person.call("POST", "/api/v1/statuses", status=text, **more)
    return status


async def _arrives(person: Person, uri: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        home = await person.call("GET", "/api/v1/timelines/home")
        return next((status for status in home if status["uri"] == uri), None)

    status = await _until(look)
    assert status is not None
    return status


async def _told_of(person: Person, uri: str) -> bool:
    told = await person.call("GET", "/api/v1/notifications?types[]=mention")
    return any(one["status"]["uri"] == uri for one in told)


async def _until(look: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            seen = await look()
            if seen:
                return seen
            await asyncio.sleep(_LOOK_EVERY_S)
