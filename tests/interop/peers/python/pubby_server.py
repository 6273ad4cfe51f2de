"""A site of ours on pubby: Fiona, who does what the tests say under /_control, and tells what
pubby believed. Usage: python pubby_server.py PORT FOLDER"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pubby import ActivityDisposition, ActivityPubHandler, Mention, Object
from pubby.crypto import generate_rsa_keypair
from pubby.server.adapters.fastapi import bind_activitypub
from pubby.storage.adapters.db import init_db_storage

Json = dict[str, Any]

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]
ORIGIN = f"http://localhost:{PORT}"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ACCEPT = {"Accept": "application/activity+json"}

log: list[Json] = []
documents: dict[str, Json] = {}
done: dict[str, Json] = {}


def keep(activity: Any, document: Json) -> ActivityDisposition:
    """Keep what pubby has verified, and let it go on."""
    inner = document.get("object")
    about = inner if isinstance(inner, str) else (inner or {}).get("id")
    log.append(
        {"type": activity.type, "actor": activity.actor, "object": about, "document": document}
    )
    return ActivityDisposition.PASS_THROUGH


handler = ActivityPubHandler(
    storage=init_db_storage(f"sqlite:///{FOLDER}/pubby.db"),
    actor_config={"base_url": ORIGIN, "username": "fiona", "name": "Fiona of pubby"},
    private_key=generate_rsa_keypair()[0],
    webfinger_domain=f"localhost:{PORT}",
    async_delivery=False,
    allow_private_targets=True,
    on_activity=keep,
)
app = FastAPI()
bind_activitypub(app, handler)


@app.get("/notes/{number}")
def note(number: int) -> JSONResponse:
    """Serve a post: pubby leaves that to the site."""
    found = documents.get(f"{ORIGIN}/notes/{number}")
    status = 404 if found is None else 410 if found["type"] == "Tombstone" else 200
    return JSONResponse(found, status, media_type="application/activity+json")


def publish(activity: Json, key: str = "") -> Json:
    """Deliver, and keep it for an Undo."""
    done[key or activity["id"]] = activity
    handler.publish_activity(activity)
    return {"id": activity["id"]}


def follow(uri: str) -> Json:
    """Pubby has no word for a Follow of one's own; it delivers one."""
    activity = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{handler.actor_id}/follows/1",
        "type": "Follow",
        "actor": handler.actor_id,
        "object": uri,
        "to": [uri],
    }
    return publish(activity, f"follow {uri}")


def post(text: str, to: list[str] | None = None, in_reply_to: str | None = None) -> Json:
    """Publish a post; `to` somebody alone, or to everybody."""
    mentions = list(to or [])
    if in_reply_to:
        answered = requests.get(in_reply_to, headers=ACCEPT, timeout=10).json()
        mentions.append(answered["attributedTo"])
    written = Object(
        id=f"{ORIGIN}/notes/{len(documents) + 1}",
        type="Note",
        content=f"<p>{text}</p>",
        attributed_to=handler.actor_id,
        published=datetime.now(UTC),
        to=to or [PUBLIC],
        cc=[] if to else [handler.followers_url, *mentions],
        in_reply_to=in_reply_to,
        tag=[Mention(username="alice", domain="", actor_url=one).to_tag() for one in mentions],
    )
    documents[written.id] = written.to_dict()
    handler.publish_object(written)
    return {"id": written.id}


def edit(uri: str, text: str) -> Json:
    """Change a post."""
    written = Object.build(documents[uri] | {"content": f"<p>{text}</p>"})
    documents[uri] = written.to_dict()
    return {"id": handler.publish_object(written, "Update")["id"]}


def delete(uri: str) -> Json:
    """Delete a post."""
    documents[uri] = {"id": uri, "type": "Tombstone"}
    return publish(handler.outbox.build_delete_activity(uri))


def to_author(activity: Json) -> Json:
    """Address an activity to whom its object is by: pubby says it to followers alone."""
    found = requests.get(activity["object"], headers=ACCEPT, timeout=10).json()
    return activity | {"cc": [*activity["cc"], found["attributedTo"]]}


def undo(key: str) -> Json:
    """Take back what was done."""
    return publish(handler.outbox.build_undo_activity(done[key]))


COMMANDS: dict[str, Callable[..., Any]] = {
    "log": lambda: log,
    "lookup": lambda uri: {"name": handler.inbox._fetch_actor(uri)["preferredUsername"]},
    "follow": follow,
    "unfollow": lambda uri: undo(f"follow {uri}"),
    "post": post,
    "reply": lambda text, uri: post(text, in_reply_to=uri),
    "edit": edit,
    "delete": delete,
    "like": lambda uri: publish(to_author(handler.outbox.build_like_activity(uri)), f"like {uri}"),
    "unlike": lambda uri: undo(f"like {uri}"),
    "announce": lambda uri: publish(
        to_author(handler.outbox.build_announce_activity(uri)), f"announce {uri}"
    ),
    "unannounce": lambda uri: undo(f"announce {uri}"),
}


@app.post("/_control/{command}")
async def control(command: str, request: Request) -> JSONResponse:
    """Do as told."""
    given = json.loads(await request.body() or b"{}")
    return JSONResponse(await asyncio.to_thread(COMMANDS[command], **given))


def say_ready(server: uvicorn.Server) -> None:
    """Tell the test once requests are answered."""
    while not server.started:
        threading.Event().wait(0.05)
    print("ready", flush=True)


if __name__ == "__main__":
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", PORT, log_level="warning"))
    threading.Thread(target=say_ready, args=(server,), daemon=True).start()
    server.run()
