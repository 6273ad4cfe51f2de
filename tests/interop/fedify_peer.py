"""A server on top of Fedify (tests/interop/fedify), beside an instance of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.waiting import until

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "fedify"
NODE = FOLDER / "node_modules" / ".bin" / "node"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/v1",
    {
        "sensitive": "as:sensitive",
        "Hashtag": "as:Hashtag",
        "toot": "http://joinmastodon.org/ns#",
        "Emoji": "toot:Emoji",
        "votersCount": "toot:votersCount",
        "EmojiReact": "http://litepub.social/ns#EmojiReact",
        "gts": "https://gotosocial.org/ns#",
        "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
        "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
        "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
        "quoteAuthorization": {
            "@id": "https://w3id.org/fep/044f#quoteAuthorization",
            "@type": "@id",
        },
        "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
        "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
        "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
        "canQuote": {"@id": "gts:canQuote", "@type": "@id"},
        "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
    },
]


@dataclass(frozen=True)
class FedifyPeer:
    """Fiona's server."""

    port: int
    session: aiohttp.ClientSession

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def fiona(self) -> str:
        return f"{self.base_url}/users/fiona"

    @property
    def frieda(self) -> str:
        """A second person, to whom Fiona may move, or who moves to us."""
        return f"{self.base_url}/users/frieda"

    async def command(self, name: str, **given: Any) -> Any:
        """Have the server do something. Fails with what Fedify says against it."""
        url = f"{self.base_url}/_control/{name}"
        async with self.session.post(url, json=given) as answer:
            said = await answer.json()
            assert answer.status == 200, said
            return said

    async def send(
        self, kind: str, number: int, recipients: list[str] | str, /, **fields: Any
    ) -> Json:
        """Send an activity of Fiona's, and give it."""
        activity = {
            "@context": CONTEXT,
            "id": f"{self.base_url}/activities/{number}",
            "type": kind,
            "actor": self.fiona,
            **fields,
        }
        await self.command("send", activity=activity, to=recipients)
        return activity

    async def post(self, number: int, recipients: list[str] | str, /, **fields: Any) -> Json:
        """Publish a Note (or what `type` says) of Fiona's, and give it."""
        path = "questions" if fields.get("type") == "Question" else "notes"
        note = {
            "@context": CONTEXT,
            "id": f"{self.fiona}/{path}/{number}",
            "type": "Note",
            "attributedTo": self.fiona,
            "content": f"<p>Note {number}</p>",
            "published": "2026-11-23T05:00:00Z",
            "to": PUBLIC,
            **fields,
        }
        await self.command("put", document=note)
        addressing = {name: note[name] for name in ("to", "cc") if name in note}
        await self.send("Create", number, recipients, object=note, **addressing)
        return note

    async def signed(self, sender: str) -> set[tuple[str, int]]:
        """Give in which dialects `sender` ("us" or "fedify") signed its POSTs, and the answers."""
        return {
            (one["dialect"], one["status"])
            for one in await self.command("requests")
            if one["from"] == sender and one["method"] == "POST"
        }

    async def heard(self, kind: str, **fields: Any) -> Json:
        """Give the first activity of this kind that Fedify believed, once there is one."""

        async def find() -> Json | None:
            for one in await self.command("log"):
                if one["type"] == kind and fields.items() <= one.items():
                    return dict(one)
            return None

        found = await until(find)
        assert found is not None
        return found


@asynccontextmanager
async def start_fedify(port: int, first_knock: str = "") -> AsyncIterator[FedifyPeer]:
    """Run it on loopback; skip where `make interop` has not installed it. `first_knock` is the
    dialect in which it signs at first, in Fedify's words; its default otherwise."""
    if not NODE.exists():
        pytest.skip("Fedify is not installed: make interop does it")
    process = await asyncio.create_subprocess_exec(
        NODE, FOLDER / "server.mjs", str(port), first_knock, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        ready = await asyncio.wait_for(process.stdout.readline(), 60)
        assert ready.strip() == b"ready"
        async with aiohttp.ClientSession() as session:
            yield FedifyPeer(port, session)
    finally:
        process.terminate()
        await process.wait()
