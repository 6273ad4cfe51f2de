"""Fedify (Hollo, Ghost and others stand on it) and an instance of ours, both ways."""

import pytest

from tests.interop.fedify_peer import PUBLIC
from tests.interop.fedify_scene import Scene
from tests.waiting import until

pytestmark = pytest.mark.interop


async def test_find_each_other(scene: Scene) -> None:
    fiona = await scene.alice.get(f"/api/v1/accounts/{scene.fiona_id}")
    assert fiona["acct"] == f"fiona@localhost:{scene.fedify.port}"
    assert fiona["display_name"] == "Fiona of Fedify"
    alice = await scene.fedify.command("lookup", uri=scene.alice_uri)
    assert (alice["type"], alice["preferredUsername"]) == ("Person", "alice")
    assert alice["publicKey"]
    assert alice["assertionMethod"]


async def test_follow_and_accept(scene: Scene) -> None:
    follow = await scene.fedify.heard("Follow")
    assert (follow["actor"], follow["object"]) == (scene.alice_uri, scene.fedify.fiona)
    assert (await scene.fedify.heard("Accept"))["actor"] == scene.alice_uri
    assert (await scene.told("follow"))["account"]["id"] == scene.fiona_id


async def test_unfollow(scene: Scene) -> None:
    await scene.alice.post(f"/api/v1/accounts/{scene.fiona_id}/unfollow")
    assert (await scene.fedify.heard("Undo"))["actor"] == scene.alice_uri
    follow = {"id": f"{scene.fedify.base_url}/activities/1", "type": "Follow"}
    follow |= {"actor": scene.fedify.fiona, "object": scene.alice_uri}
    await scene.fedify.send("Undo", 2, [scene.alice_uri], object=follow)

    async def ended() -> bool:
        relation = await scene.alice.get("/api/v1/accounts/relationships", id=scene.fiona_id)
        return not relation[0]["followed_by"]

    await until(ended)


async def test_post_edit_delete_of_ours(scene: Scene) -> None:
    posted = await scene.alice.post("/api/v1/statuses", status="Hello Fedify")
    create = await scene.fedify.heard("Create", object=posted["uri"])
    assert create["content"] == "<p>Hello Fedify</p>"
    assert create["document"]["proof"]["cryptosuite"] == "eddsa-jcs-2022"
    await scene.alice.put(f"/api/v1/statuses/{posted['id']}", status="Hello again")
    await scene.fedify.heard("Update")
    await scene.alice.delete(f"/api/v1/statuses/{posted['id']}")
    await scene.fedify.heard("Delete")


async def test_post_edit_delete_of_theirs(scene: Scene) -> None:
    note = await scene.fedify.post(10, "followers")
    shown = await scene.at_home(note["id"])
    assert shown["content"] == "<p>Note 10</p>"
    edited = note | {"content": "<p>Edited</p>", "updated": "2026-11-23T06:00:00Z"}
    await scene.fedify.command("put", document=edited)
    await scene.fedify.send("Update", 11, "followers", object=edited, to=PUBLIC)
    await scene.becomes(shown["id"], content="<p>Edited</p>")
    await scene.fedify.send("Delete", 12, "followers", object=note["id"], to=PUBLIC)

    async def gone() -> bool:
        path = f"/api/v1/statuses/{shown['id']}"
        answer = await scene.alice.instance.request("GET", path, token=scene.alice.token)
        return answer.status == 404

    await until(gone)


async def test_replies(scene: Scene) -> None:
    note = await scene.fedify.post(20, "followers")
    shown = await scene.at_home(note["id"])
    reply = await scene.alice.post(
        "/api/v1/statuses", status="An answer", in_reply_to_id=shown["id"]
    )
    heard = await scene.fedify.heard("Create", object=reply["uri"])
    assert heard["document"]["object"]["inReplyTo"] == note["id"]
    tag = {"type": "Mention", "href": scene.alice_uri, "name": f"@{scene.alice.acct}"}
    back = await scene.fedify.post(
        21, [scene.alice_uri], inReplyTo=reply["uri"], cc=scene.alice_uri, tag=tag
    )
    told = await scene.told("mention")
    assert (told["status"]["uri"], told["status"]["in_reply_to_id"]) == (back["id"], reply["id"])


async def test_likes(scene: Scene) -> None:
    note = await scene.fedify.post(30, "followers")
    shown = await scene.at_home(note["id"])
    await scene.alice.post(f"/api/v1/statuses/{shown['id']}/favourite")
    await scene.fedify.heard("Like", object=note["id"])
    await scene.alice.post(f"/api/v1/statuses/{shown['id']}/unfavourite")
    await scene.fedify.heard("Undo")
    ours = await scene.alice.post("/api/v1/statuses", status="Like me")
    like = await scene.fedify.send("Like", 31, [scene.alice_uri], object=ours["uri"])
    await scene.becomes(ours["id"], favourites_count=1)
    await scene.fedify.send("Undo", 32, [scene.alice_uri], object=like)
    await scene.becomes(ours["id"], favourites_count=0)


async def test_emoji_reaction(scene: Scene) -> None:
    ours = await scene.alice.post("/api/v1/statuses", status="React to me")
    await scene.fedify.send(
        "EmojiReact", 35, [scene.alice_uri], object=ours["uri"], content="\N{ROCKET}"
    )
    await scene.becomes(ours["id"], favourites_count=1)
    shown = await scene.alice.get(f"/api/v1/statuses/{ours['id']}")
    assert [one["name"] for one in shown["emoji_reactions"]] == ["\N{ROCKET}"]


async def test_boosts(scene: Scene) -> None:
    note = await scene.fedify.post(40, "followers")
    shown = await scene.at_home(note["id"])
    await scene.alice.post(f"/api/v1/statuses/{shown['id']}/reblog")
    await scene.fedify.heard("Announce", object=note["id"])
    ours = await scene.alice.post("/api/v1/statuses", status="Boost me")
    boost = await scene.fedify.send(
        "Announce", 41, "followers", object=ours["uri"], to=PUBLIC, cc=scene.alice_uri
    )
    await scene.becomes(ours["id"], reblogs_count=1)
    assert (await scene.told("reblog"))["account"]["id"] == scene.fiona_id
    await scene.fedify.send("Undo", 42, [scene.alice_uri], object=boost)
    await scene.becomes(ours["id"], reblogs_count=0)


async def test_direct_messages(scene: Scene) -> None:
    acct = f"@fiona@localhost:{scene.fedify.port}"
    ours = await scene.alice.post("/api/v1/statuses", status=f"{acct} psst", visibility="direct")
    heard = await scene.fedify.heard("Create", object=ours["uri"])
    assert scene.fedify.fiona in str(heard["document"]["object"]["to"])
    assert "proof" not in heard["document"]
    tag = {"type": "Mention", "href": scene.alice_uri, "name": f"@{scene.alice.acct}"}
    note = await scene.fedify.post(50, [scene.alice_uri], to=scene.alice_uri, tag=tag)
    told = await scene.told("mention")
    assert (told["status"]["uri"], told["status"]["visibility"]) == (note["id"], "direct")


async def test_polls(scene: Scene) -> None:
    poll = {"options": ["yes", "no"], "expires_in": 3600}
    ours = await scene.alice.post("/api/v1/statuses", status="Do you?", poll=poll)
    heard = await scene.fedify.heard("Create", object=ours["uri"])
    assert heard["document"]["object"]["type"] == "Question"
    vote = {"name": "yes", "inReplyTo": ours["uri"], "to": scene.alice_uri, "content": None}
    await scene.fedify.post(60, [scene.alice_uri], **vote)

    async def counted() -> bool:
        shown = await scene.alice.get(f"/api/v1/statuses/{ours['id']}")
        return [one["votes_count"] for one in shown["poll"]["options"]] == [1, 0]

    await until(counted)
    theirs = await scene.fedify.post(
        61,
        "followers",
        type="Question",
        endTime="2030-01-01T00:00:00Z",
        oneOf=[
            {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": 0}}
            for name in ("red", "blue")
        ],
    )
    shown = await scene.at_home(theirs["id"])
    await scene.alice.post(f"/api/v1/polls/{shown['poll']['id']}/votes", choices=[1])
    voted = await scene.fedify.heard("Create", name="blue")
    assert voted["document"]["object"]["inReplyTo"] == theirs["id"]


async def test_warnings_media_hashtags_and_emoji(scene: Scene) -> None:
    ours = await scene.alice.post(
        "/api/v1/statuses", status="Look #Cats", spoiler_text="animals", sensitive=True
    )
    heard = (await scene.fedify.heard("Create", object=ours["uri"]))["document"]["object"]
    assert (heard["summary"], heard["sensitive"]) == ("animals", True)
    assert "#cats" in str(heard["tag"]).lower()
    theirs = await scene.fedify.post(
        70,
        "followers",
        content="<p>:wave: #Dogs</p>",
        summary="dogs",
        sensitive=True,
        attachment={
            "type": "Document",
            "mediaType": "image/png",
            "url": f"{scene.fedify.base_url}/dog.png",
            "name": "A dog",
        },
        tag=[
            {"type": "Hashtag", "name": "#Dogs", "href": f"{scene.fedify.base_url}/tags/dogs"},
            {
                "type": "Emoji",
                "id": f"{scene.fedify.base_url}/emojis/wave",
                "name": ":wave:",
                "icon": {
                    "type": "Image",
                    "mediaType": "image/png",
                    "url": f"{scene.fedify.base_url}/wave.png",
                },
            },
        ],
    )
    shown = await scene.at_home(theirs["id"])
    assert (shown["spoiler_text"], shown["sensitive"]) == ("dogs", True)
    assert [one["description"] for one in shown["media_attachments"]] == ["A dog"]
    assert [one["name"] for one in shown["tags"]] == ["dogs"]
    assert [one["shortcode"] for one in shown["emojis"]] == ["wave"]


async def test_reports(scene: Scene) -> None:
    note = await scene.fedify.post(80, "followers")
    shown = await scene.at_home(note["id"])
    await scene.alice.post(
        "/api/v1/reports",
        account_id=scene.fiona_id,
        status_ids=[shown["id"]],
        comment="spam",
        forward=True,
    )
    flag = await scene.fedify.heard("Flag")
    assert flag["actor"] == f"{scene.alice.instance.base_url}/actor"


async def test_block(scene: Scene) -> None:
    await scene.alice.post(f"/api/v1/accounts/{scene.fiona_id}/block")
    assert (await scene.fedify.heard("Block"))["object"] == scene.fedify.fiona


async def test_profile_update(scene: Scene) -> None:
    async with scene.alice.instance.session.patch(
        f"{scene.alice.instance.base_url}/api/v1/accounts/update_credentials",
        json={"display_name": "Alice the Second"},
        headers={"Authorization": f"Bearer {scene.alice.token}"},
    ) as answer:
        assert answer.status == 200
    heard = await scene.fedify.heard("Update")
    assert heard["document"]["object"]["name"] == "Alice the Second"
