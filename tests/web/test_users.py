"""People: making them, their passwords, roles, and the first invitation."""

import asyncio
from collections.abc import Iterator

import pytest

from activitypub.keys import load_private_key, load_public_key
from fedserver.clock import FixedClock
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.services import new_accounts, users
from storage.accounts import ACCOUNT_BY_ID, KEYS_OF_ACCOUNT, LOCAL_ACCOUNT_BY_NAME
from storage.database import Database
from storage.query import Value
from tests.web_server import PASSWORD, START, Site, make_context

ACCOUNTS = Value("SELECT count(*) FROM accounts", int)


@pytest.fixture
def ctx(db: Database) -> Iterator[Context]:
    context = make_context(db, FixedClock(START), 8080, rate_limits=False)
    yield context
    context.key_pool.close()


async def create(
    ctx: Context,
    name: str = "alice",
    email: str = "",
    password: str = PASSWORD,
    role: str = "user",
) -> int:
    return await users.create_user(ctx, name, email or f"{name}@mail.example", password, role)


async def test_account_has_all_it_needs(ctx: Context) -> None:
    account_id = await create(ctx)
    account = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    assert account is not None
    base = "http://localhost:8080"
    assert account.uri == f"{base}/users/alice"
    assert account.url == f"{base}/@alice"
    assert account.inbox_url == f"{base}/users/alice/inbox"
    assert account.shared_inbox_url == f"{base}/inbox"
    assert account.outbox_url == f"{base}/users/alice/outbox"
    assert account.followers_url == f"{base}/users/alice/followers"
    assert account.following_url == f"{base}/users/alice/following"
    assert account.featured_url == f"{base}/users/alice/collections/featured"
    assert (account.domain, account.display_name, account.actor_type) == (None, "", "Person")


async def test_keys_are_wrapped_and_fit(ctx: Context) -> None:
    keys = await ctx.db.fetch(KEYS_OF_ACCOUNT, await create(ctx))
    assert {key.uri.partition("#")[2]: key.kind for key in keys} == {
        "main-key": "rsa",
        "ed25519-key": "ed25519",
    }
    for key in keys:
        assert key.private_key is not None
        assert b"PRIVATE" not in key.private_key
        pem = ctx.secrets.unwrap(key.private_key, purpose=new_accounts.KEY_PURPOSE).decode()
        assert load_private_key(pem).public_key() == load_public_key(key.public_key)


@pytest.mark.parametrize(
    ("fields", "where", "code"),
    [
        ({"name": ""}, "username", "ERR_BLANK"),
        ({"name": "a" * 31}, "username", "ERR_TOO_LONG"),
        ({"name": "a.b"}, "username", "ERR_INVALID"),
        ({"name": "é"}, "username", "ERR_INVALID"),
        ({"name": "Admin"}, "username", "ERR_RESERVED"),
        ({"email": "nobody"}, "email", "ERR_INVALID"),
        ({"email": "a@b"}, "email", "ERR_INVALID"),
        ({"email": "a@-b.example"}, "email", "ERR_INVALID"),
        ({"email": "a..b@mail.example"}, "email", "ERR_INVALID"),
        ({"email": "a%c.example@mail.example"}, "email", "ERR_INVALID"),
        ({"email": "ä@mail.example"}, "email", "ERR_INVALID"),
        ({"email": "a@mail.example\r\nBcc: x@y.example"}, "email", "ERR_INVALID"),
        ({"email": "a" * 65 + "@mail.example"}, "email", "ERR_INVALID"),
        ({"password": "short"}, "password", "ERR_TOO_SHORT"),
        ({"password": "x" * 129}, "password", "ERR_TOO_LONG"),
    ],
    ids=str,
)
async def test_validation(ctx: Context, fields: dict[str, str], where: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        await create(ctx, **fields)
    assert caught.value.details is not None
    assert [one["error"] for one in caught.value.details[where]] == [code]
    assert str(caught.value).startswith("Validation failed: ")
    assert await ctx.db.value(ACCOUNTS) == 0


async def test_all_faults_at_once(ctx: Context) -> None:
    with pytest.raises(Invalid) as caught:
        await create(ctx, name="a b", email="x", password="y")
    assert set(caught.value.details or {}) == {"username", "email", "password"}


async def test_names_are_unique_in_any_case(ctx: Context) -> None:
    await create(ctx, "alice")
    for name, email, where in (
        ("ALICE", "other@mail.example", "username"),
        ("other", "Alice@Mail.Example", "email"),
    ):
        with pytest.raises(Invalid) as caught:
            await create(ctx, name, email)
        assert list(caught.value.details or {}) == [where]
        assert "has already been taken" in str(caught.value)


async def test_two_at_once_make_one(ctx: Context) -> None:
    results = await asyncio.gather(
        *(create(ctx, "alice", f"a{number}@mail.example") for number in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in results) == ["Invalid", "Invalid", "int"]
    assert await ctx.db.value(ACCOUNTS) == 1


async def test_staff_may_have_reserved_names(ctx: Context) -> None:
    assert await create(ctx, "admin", role="owner")
    with pytest.raises(Invalid, match="no role"):
        await create(ctx, "other", role="king")


async def test_authenticate(ctx: Context) -> None:
    account_id = await create(ctx)
    for login in ("alice", "@Alice", "alice@mail.example", " ALICE@mail.example "):
        assert await users.authenticate(ctx, login, PASSWORD) == account_id
    assert await users.authenticate(ctx, "alice", PASSWORD + "x") is None
    assert await users.authenticate(ctx, "nobody", PASSWORD) is None
    assert await users.authenticate(ctx, "", "") is None


async def test_unconfirmed_cannot_sign_in(ctx: Context) -> None:
    await users.create_user(ctx, "bob", "bob@mail.example", PASSWORD, confirmed=False)
    assert await users.authenticate(ctx, "bob", PASSWORD) is None


async def test_reset_password_ends_everything(site: Site) -> None:
    await site.user()
    await site.sign_in()
    app = await site.app()
    token, code = await site.token(app), await site.code(app)
    heard: list[str] = []
    got = asyncio.Event()

    def hear(_channel: str, payload: str) -> None:
        heard.append(payload)
        got.set()

    async with site.ctx.db.listening(["fedserver_tokens"], hear):
        password = await users.reset_password(site.ctx, "Alice", None)
        async with asyncio.timeout(5):
            await got.wait()
    assert heard[0].startswith("account:")
    assert await users.authenticate(site.ctx, "alice", PASSWORD) is None
    assert await users.authenticate(site.ctx, "alice", password) is not None
    headers = {"Authorization": f"Bearer {token}"}
    assert (await site.get("/api/v1/apps/verify_credentials", headers=headers)).status == 401
    assert (await site.exchange(app, code)).json["error"] == "invalid_grant"
    assert (await site.get("/auth/account")).location == "/auth/sign_in"


async def test_reset_password_refuses(ctx: Context) -> None:
    await create(ctx)
    with pytest.raises(Invalid):
        await users.reset_password(ctx, "alice", "short")
    with pytest.raises(NotFound):
        await users.reset_password(ctx, "nobody", None)
    assert await users.authenticate(ctx, "alice", PASSWORD) is not None


async def test_promote_and_list(ctx: Context) -> None:
    await create(ctx, "alice")
    await create(ctx, "bob")
    await users.promote(ctx, "bob", "moderator")
    assert [(one.username, one.role) for one in await users.list_users(ctx)] == [
        ("alice", "user"),
        ("bob", "moderator"),
    ]
    with pytest.raises(NotFound):
        await users.promote(ctx, "nobody", "admin")
    with pytest.raises(Invalid):
        await users.promote(ctx, "bob", "king")


async def test_instance_actor_is_made_once(ctx: Context) -> None:
    made = await asyncio.gather(*(new_accounts.ensure_instance_actor(ctx) for _ in range(3)))
    assert len({one.id for one in made}) == 1
    actor = await new_accounts.ensure_instance_actor(ctx)
    assert actor.uri == "http://localhost:8080/actor"
    assert actor.inbox_url == "http://localhost:8080/actor/inbox"
    assert (actor.username, actor.actor_type) == ("localhost", "Application")
    assert len(await ctx.db.fetch(KEYS_OF_ACCOUNT, actor.id)) == 2
    assert await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, "localhost") is not None


async def test_invitation_is_replaced_and_used_once(ctx: Context) -> None:
    first = await users.first_admin_invitation(ctx)
    second = await users.first_admin_invitation(ctx)
    assert first is not None
    assert second is not None
    with pytest.raises(NotFound):
        await users.invited_role(ctx, first)
    assert await users.invited_role(ctx, second) == "owner"
    results = await asyncio.gather(
        *(users.sign_up(ctx, second, name, f"{name}@mail.example", PASSWORD) for name in "ab"),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in results) == ["NotFound", "int"]
    assert await users.first_admin_invitation(ctx) is None
    assert [one.role for one in await users.list_users(ctx)] == ["owner"]


async def test_failed_sign_up_keeps_the_invitation(ctx: Context) -> None:
    token = await users.first_admin_invitation(ctx)
    assert token is not None
    with pytest.raises(Invalid):
        await users.sign_up(ctx, token, "a", "a@mail.example", "short")
    assert await users.sign_up(ctx, token, "a", "a@mail.example", PASSWORD)


async def test_invitation_is_void_once_there_is_an_owner(ctx: Context) -> None:
    token = await users.first_admin_invitation(ctx)
    assert token is not None
    await create(ctx, "boss", role="owner")
    with pytest.raises(NotFound):
        await users.sign_up(ctx, token, "a", "a@mail.example", PASSWORD)
