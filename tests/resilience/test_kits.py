"""The operator and all data are lost; what a person has is a kit and 24 words."""

import gzip
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from activitypub.keys import private_key_to_pem
from fedserver.config import KitsConfig
from fedserver.errors import FedserverError, Invalid, Refused
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.sealing import open_sealed, seal
from fedserver.services import users
from fedserver.services.signing import signing_key
from fedserver.survival.archives.container import FOLDER, ArchiveReader
from fedserver.survival.kits.behind import bring_by_page
from fedserver.survival.kits.bringing import bring_kit
from fedserver.survival.kits.fetching import newest_kit
from fedserver.survival.kits.making import make_now
from storage.query import Command, Value
from tests.conftest import fresh_database
from tests.instances import PASSWORD, Person
from tests.mastodon.write_fixtures import form_with_file, picture
from tests.survival.kit_scene import API, Scene, scene
from tests.survival.partners import agree
from tests.waiting import until
from tests.web_server import forms_of

FORGET_RECOVERY_KEYS = (
    Command("DELETE FROM recovery_pins"),
    Command("DELETE FROM actor_keys WHERE uri LIKE '%#recovery'"),
)
FOLLOWERS_OF = Value(
    """
    SELECT a.username FROM follows f JOIN accounts a ON a.id = f.account_id
    JOIN accounts t ON t.id = f.target_id WHERE t.uri = $1 ORDER BY 1
    """,
    str,
)
TRIED = Value("SELECT count(*) FROM deliveries WHERE attempts > 0", int)


@pytest.fixture
async def story(
    database_dsn: str, second_database_dsn: str, postgres: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    async for third in fresh_database(postgres):
        async with scene([database_dsn, second_database_dsn, third], tmp_path) as made:
            yield made


async def bob_came(story: Scene) -> None:
    async def moved() -> bool:
        return await story.bob_follows() == [story.new_uri]

    await until(moved)


async def upload(person: Person) -> str:
    """Upload a picture."""
    headers = {"Authorization": f"Bearer {person.token}"}
    url = f"{person.instance.base_url}/api/v2/media"
    form = form_with_file("file", picture(), description="A red field")
    async with person.instance.session.post(url, data=form, headers=headers) as response:
        assert response.status == 200
        return str((await response.json())["id"])


async def test_all_comes_back_when_only_the_kit_is_left(story: Scene) -> None:
    ada = story.ada
    await ada.do(
        "PATCH", "/api/v1/accounts/update_credentials", display_name="Ada L.", note="Engines"
    )
    await ada.post("/api/v1/lists", title="Friends")
    found = await ada.get("/api/v2/search", q=story.bob.acct, resolve="true", type="accounts")
    await ada.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await until(
        lambda: story.third.ctx.db.values(FOLLOWERS_OF, f"{story.third.base_url}/users/bob")
    )
    await story.set_key()
    first = await ada.post(
        "/api/v1/statuses", status="Before the #fire", media_ids=[await upload(ada)]
    )
    await ada.post("/api/v1/statuses", status="And after", in_reply_to_id=first["id"])
    await ada.post("/api/v1/statuses", status="For friends", visibility="private")
    kit = await story.take_kit()
    await story.stop_old()

    new = await story.new.person("ada")
    steps = await story.bring(new, kit)
    assert steps[-1].what == "done"
    await bob_came(story)
    # Nothing was posted anew: what bob reads is what the old server had sent.
    home = await story.bob.get("/api/v1/timelines/home")
    assert {one["account"]["acct"] for one in home} <= {story.ada.acct}
    await expect_everything(story, new)


async def expect_everything(story: Scene, new: Person) -> None:
    account = await new.get(f"/api/v1/accounts/{new.account_id}")
    assert (account["display_name"], account["note"]) == ("Ada L.", "<p>Engines</p>")
    posts = await new.get(f"/api/v1/accounts/{new.account_id}/statuses")
    assert [one["visibility"] for one in posts] == ["private", "public", "public"]
    assert "Before the" in posts[2]["content"]
    assert posts[1]["in_reply_to_id"] == posts[2]["id"]
    assert posts[2]["tags"][0]["name"] == "fire"
    (medium,) = posts[2]["media_attachments"]
    assert medium["description"] == "A red field"
    assert medium["url"].startswith(story.new.base_url)
    async with story.new.session.get(medium["url"]) as file:
        assert (await file.read()).startswith(b"\x89PNG")
    await expect_readable_there(story, posts[2]["uri"])
    shown = await story.new.request("GET", f"{API}/recovery_key", token=new.token)
    assert shown.body["key"]["did"] == story.key.public.did

    async def follows_bob() -> bool:
        uri = f"{story.third.base_url}/users/bob"
        return len(await story.new.ctx.db.values(FOLLOWERS_OF, uri)) == 1

    await until(follows_bob)


async def expect_readable_there(story: Scene, uri: str) -> None:
    """Bob's server finds the post in the outbox, and bob reads it with its picture."""
    outbox = await story.third.request(
        "GET", f"{story.new_uri}/outbox?page=true", headers={"Accept": "application/activity+json"}
    )
    listed = [one["object"]["id"] for one in outbox.body["orderedItems"]]
    assert listed[-1] == uri
    assert len(listed) == 2
    found = await story.bob.get("/api/v2/search", q=uri, resolve="true", type="statuses")
    (status,) = found["statuses"]
    assert status["account"]["acct"] == f"ada@{story.new.domain}"
    (medium,) = status["media_attachments"]
    async with story.third.session.get(medium["remote_url"] or medium["url"]) as file:
        assert (await file.read()).startswith(b"\x89PNG")


async def test_an_interrupted_import_goes_on(story: Scene) -> None:
    await story.set_key()
    for number in range(3):
        await story.ada.post("/api/v1/statuses", status=f"Number {number}")
    kit = await story.take_kit()
    await story.stop_old()
    ada = await story.new.person("ada")
    steps = bring_kit(story.new.ctx, ada.account_id, io.BytesIO(kit), story.key)
    async for step in steps:
        if step.what == "posts":
            break
    await steps.aclose()  # type: ignore[attr-defined]  # it is a generator
    await story.bring(ada, kit)
    await story.bring(ada, kit)
    posts = await ada.get(f"/api/v1/accounts/{ada.account_id}/statuses")
    assert [one["content"] for one in posts] == [f"<p>Number {n}</p>" for n in (2, 1, 0)]
    await bob_came(story)


async def test_what_is_not_ones_own_kit_is_refused(story: Scene) -> None:
    await story.set_key()
    kit = await story.take_kit()
    await refuse_wrong_kits(story, kit)
    await refuse_where_another_key_is_known(story, kit)


async def refuse_wrong_kits(story: Scene, kit: bytes) -> None:
    mallory = await story.new.person("mallory")
    with pytest.raises(Invalid, match="cannot be opened"):
        await story.bring(mallory, kit, RecoveryKey.new())
    for place in (40, len(kit) // 2, len(kit) - 1):
        broken = bytearray(kit)
        broken[place] ^= 1
        with pytest.raises(Invalid, match="cannot be opened"):
            await story.bring(mallory, bytes(broken))
    with pytest.raises(Invalid, match="cannot be opened"):
        await story.bring(mallory, kit[:-100])
    # Somebody else's kit, sealed to one's own key: everybody can do that.
    thief = RecoveryKey.new()
    stolen = seal(open_sealed(kit, story.key.opening), [thief.public.recipient])
    with pytest.raises(Invalid, match="does not name this recovery key"):
        await story.bring(mallory, stolen, thief)
    for nonsense in (b"no tar", gzip.compress(b"no tar"), gzip.compress(bytes(100_000_000))):
        with pytest.raises(Invalid, match="not a kit"):
            await story.bring(mallory, seal(nonsense, [thief.public.recipient]), thief)


async def refuse_where_another_key_is_known(story: Scene, kit: bytes) -> None:
    carol = await story.third.person("carol")
    wrong = Command(
        "UPDATE recovery_pins SET did = 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'"
    )
    await story.third.ctx.db.execute(wrong)
    steps = bring_kit(story.third.ctx, carol.account_id, io.BytesIO(kit), story.key)
    assert (await anext(steps)).what == "identity"
    with pytest.raises(Refused, match="another recovery key"):
        await anext(steps)
    assert await story.bob_follows() == [story.old_uri]


async def test_a_kit_holds_what_is_ones_own_and_no_secrets(story: Scene) -> None:
    ada = story.ada
    await story.set_key()
    await ada.post("/api/v1/statuses", status="A public canary")
    whisper = f"@{story.bob.acct} a whispered canary"
    await ada.post("/api/v1/statuses", status=whisper, visibility="direct")
    kit = await story.take_kit()
    plain = gzip.decompress(open_sealed(kit, story.key.opening))
    assert b"A public canary" in plain
    assert b"A public canary" not in kit
    held = await signing_key(story.old.ctx, ada.account_id)
    rsa = private_key_to_pem(held.private_key).splitlines()[2].encode()
    secrets = [
        b"whispered canary",
        b"ada@mail.example",
        ada.token.encode(),
        PASSWORD.encode(),
        rsa,
        b"PRIVATE KEY",
        b"$argon2",
        *(word.encode() for word in [story.key.words, story.key.seed.hex()]),
    ]
    assert [one for one in secrets if one in plain] == []
    expect_container(story, plain)


def expect_container(story: Scene, plain: bytes) -> None:
    """Other tools can read it, too."""
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        names = tar.getnames()
    assert {"manifest.yml", f"{FOLDER}/actor.json", f"{FOLDER}/outbox.json"} <= set(names)
    kit = ArchiveReader(io.BytesIO(plain))
    assert kit.json("manifest.yml")["ubc-version"] == "0.1"
    (post,) = kit.json(f"{FOLDER}/outbox.json")["orderedItems"]
    assert (post["type"], post["proof"]["cryptosuite"]) == ("Create", "eddsa-jcs-2022")
    (peer,) = kit.json(f"{FOLDER}/peers.json")["peers"]
    assert (peer["follower"], peer["shared"]) == (f"{story.third.base_url}/users/bob", True)
    assert kit.read(f"{FOLDER}/followers.csv") == f"{story.bob.acct}\n".encode()


@pytest.fixture
async def generous(
    database_dsn: str, second_database_dsn: str, postgres: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    """The house of ada lets kits hold the signing key."""
    kits = KitsConfig(allow_signing_keys=True)
    async for third in fresh_database(postgres):
        async with scene([database_dsn, second_database_dsn, third], tmp_path, kits=kits) as made:
            yield made


async def forget_recovery_keys(story: Scene) -> None:
    """Make bob's server one of those that know no recovery keys."""
    for command in FORGET_RECOVERY_KEYS:
        await story.third.ctx.db.execute(command)


async def test_the_old_signing_key_reaches_who_knows_no_recovery_keys(generous: Scene) -> None:
    await generous.set_key()
    kit = await generous.take_kit()
    await generous.stop_old()
    await forget_recovery_keys(generous)
    steps = await generous.bring(await generous.new.person("ada"), kit)
    assert [(one.done, one.failed) for one in steps if one.what == "peers"] == [(1, 0)]
    await bob_came(generous)


async def test_without_that_key_they_are_out_of_reach(story: Scene) -> None:
    await story.set_key()
    kit = await story.take_kit()
    await story.stop_old()
    await forget_recovery_keys(story)
    await story.bring(await story.new.person("ada"), kit)

    await until(lambda: story.new.ctx.db.value(TRIED))
    assert await story.bob_follows() == [story.old_uri]


async def test_a_mirror_gives_the_kit_to_who_has_the_words(story: Scene) -> None:
    await agree(story.old, story.third)
    await story.set_key()
    await story.ada.post("/api/v1/statuses", status="Kept elsewhere")
    assert await make_now(story.old.ctx, story.ada.account_id, with_media=False)
    await make_now(story.old.ctx, story.ada.account_id, with_media=False)
    await story.stop_old()
    again = RecoveryKey.from_words(story.key.words)
    name, _ = await newest_kit(story.new.ctx, story.third.domain, again)
    assert name.startswith("kits/ada/")
    with pytest.raises(FedserverError, match="no kit"):
        await newest_kit(story.new.ctx, story.third.domain, RecoveryKey.new())
    ada = await story.new.person("ada")
    # By the page, the mirror and the words are enough.
    await bring_by_page(story.new.ctx, ada.account_id, story.third.domain, again)
    await bob_came(story)


async def test_a_kit_is_brought_by_the_sign_up_page(story: Scene) -> None:
    await story.set_key()
    await story.ada.post("/api/v1/statuses", status="Brought by a page")
    kit = await story.take_kit()
    await story.stop_old()
    invitation = await users.invite(story.new.ctx, "user", None)
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as browser:
        page = f"{story.new.base_url}/auth/sign_up?invitation={invitation}"
        async with browser.get(page) as response:
            fields = forms_of(await response.text())[0][1]
        fields |= {"username": "ada", "email": "ada@mail.example", "password": PASSWORD}
        wrong = await send(browser, story, fields | {"words": "one two three"}, kit)
        assert "is not a word of a recovery key" in wrong or "has 24 words" in wrong
        done = await send(browser, story, fields | {"words": story.key.words}, kit)
    assert story.old_uri in done
    assert story.key.words.split()[0] + " " + story.key.words.split()[1] not in done
    await bob_came(story)

    async def posted() -> bool:
        shown = await story.new.request("GET", f"{story.new.base_url}/@ada")
        return "Brought by a page" in shown.body

    await until(posted)


async def send(
    browser: aiohttp.ClientSession, story: Scene, fields: dict[str, str], kit: bytes
) -> str:
    """Send the form with the kit; gives the page that comes of it."""
    form = aiohttp.FormData(fields)
    form.add_field("kit", kit, filename="ada.kit.age")
    async with browser.post(f"{story.new.base_url}/auth/sign_up", data=form) as response:
        return await response.text()
