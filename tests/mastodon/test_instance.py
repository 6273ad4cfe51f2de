"""What the instance says of itself."""

from hashlib import sha256
from typing import Any

from fedserver.context import Context
from tests.mastodon.world import World


async def test_version_2_is_complete(world: World, schema: Any) -> None:
    await world.user("me")
    await world.execute("UPDATE users SET role = 'owner'")
    instance = await world.get("/api/v2/instance")
    schema.check("Instance", instance)
    schema.check("Account", instance["contact"]["account"])
    assert instance["domain"] == "here.test"
    assert instance["version"].startswith("4.6.0 (compatible; Fedserver ")
    assert instance["api_versions"] == {"mastodon": 10, "fedserver": 1}
    assert instance["usage"] == {"users": {"active_month": 1}}


async def test_version_1_is_complete(world: World, schema: Any) -> None:
    await world.user("me")
    instance = await world.get("/api/v1/instance")
    schema.check("V1Instance", instance)
    assert instance["uri"] == "here.test"
    assert instance["stats"]["user_count"] == 1
    assert instance["contact_account"] is None


async def test_limits_are_those_of_the_configuration(world: World, ctx: Context) -> None:
    limits = (await world.get("/api/v2/instance"))["configuration"]
    assert limits["statuses"]["max_characters"] == ctx.config.statuses.max_characters
    assert limits["media_attachments"]["image_matrix_limit"] < 2**31
    media = limits["media_attachments"]
    taken = {"image/png", "image/heic", "video/mp4", "video/webm", "audio/flac"}
    assert taken <= set(media["supported_mime_types"])
    for name in ("video_size_limit", "video_matrix_limit", "video_frame_rate_limit"):
        assert 0 < media[name] < 2**31


async def test_rules_and_peers(world: World, schema: Any) -> None:
    await world.execute("INSERT INTO hosts (host, first_seen_at) VALUES ('far.test', now())")
    schema.check_each("Rule", await world.get("/api/v1/instance/rules"))
    assert await world.get("/api/v1/instance/peers") == ["far.test"]
    description = await world.get("/api/v1/instance/extended_description")
    assert description == {"updated_at": None, "content": ""}


async def test_domain_blocks_tell_what_is_public(world: World, schema: Any) -> None:
    assert await world.get("/api/v1/instance/domain_blocks") == []
    await world.execute(
        """
        INSERT INTO domain_rules (domain, severity, reason, private_comment, created_at)
        VALUES ('evil.test', 'block', 'spam', 'a secret', now()),
            ('noisy.test', 'limit', '', '', now()), ('good.test', 'allow', '', '', now())
        """
    )
    blocks = await world.get("/api/v1/instance/domain_blocks")
    schema.check_each("DomainBlock", blocks)
    assert [(one["domain"], one["severity"], one["comment"]) for one in blocks] == [
        ("evil.test", "suspend", "spam"),
        ("noisy.test", "silence", ""),
    ]
    assert blocks[0]["digest"] == sha256(b"evil.test").hexdigest()
