"""A small world of people and posts, written straight into the tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient

from fedserver.context import Context
from fedserver.secrets import token_hash
from storage.accounts import INSERT_ACCOUNT, INSERT_IDENTITY
from storage.conversations import CONVERSE
from storage.emoji_reactions import INSERT_EMOJI_REACTION
from storage.lists import ADD_TO_LIST, INSERT_LIST
from storage.markers import SAVE_MARKERS
from storage.media import INSERT_MEDIA
from storage.notifying import NOTIFY
from storage.oauth import INSERT_APPLICATION, INSERT_TOKEN
from storage.query import Command
from storage.reactions import INSERT_BOOKMARK, INSERT_FAVOURITE, INSERT_POLL, INSERT_VOTES
from storage.relations import INSERT_BLOCK, INSERT_FOLLOW, PUT_MUTE
from storage.statuses import INSERT_EDIT, INSERT_MENTIONS, INSERT_STATUS, PIN_STATUS, PUT_TAGS
from storage.users import INSERT_USER

START = datetime(2026, 11, 20, 8, 30, 15, 123456, tzinfo=UTC)

_HOME = Command("INSERT INTO home_entries (account_id, status_id) VALUES ($1, $2)")
_HOME_BUILT = Command("UPDATE users SET home_built_at = now() WHERE account_id = $1")
_EMOJI = {"shortcode": "cat", "url": "https://far.test/cat.png", "static_url": None}


class World:
    """Makes rows with ids that grow, and asks the server about them."""

    def __init__(self, ctx: Context, client: TestClient[Any, Any]) -> None:
        self.ctx = ctx
        self.client = client
        self.application_id = 0
        self._last_id = 1_000

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def execute(self, sql: str, *args: object) -> None:
        """Run SQL of a test's own."""
        await self.ctx.db.execute(Command(sql), *args)

    async def application(self) -> int:
        """Give the one client of this world."""
        if not self.application_id:
            self.application_id = self.next_id()
            await self.ctx.db.execute(
                INSERT_APPLICATION,
                self.application_id,
                "client",
                b"secret",
                "A Client",
                "https://client.test",
                ["urn:ietf:wg:oauth:2.0:oob"],
                "read write",
                START,
            )
        return self.application_id

    async def account(
        self, name: str, domain: str | None = "far.test", *, display_name: str = ""
    ) -> int:
        account_id = self.next_id()
        base = f"https://{domain or 'here.test'}/users/{name}"
        await self.ctx.db.execute(
            INSERT_ACCOUNT,
            account_id,
            base,
            name,
            domain,
            f"https://{domain or 'here.test'}/@{name}",
            f"{base}/inbox",
            None,
            f"{base}/outbox",
            f"{base}/followers",
            f"{base}/following",
            None,
            "Person",
            display_name,
            "<p>Hello</p>",
            [{"name": "Site", "value": "x", "verified_at": "2026-01-02T03:04:05+00:00"}],
            [_EMOJI],
            "https://far.test/a.png" if domain else None,
            None,
            False,
            None,
            True,
            False,
            [],
            None,
            START,
            START,
        )
        await self.ctx.db.execute(
            INSERT_IDENTITY, base, account_id, name, domain, f"{base}/inbox", None, START
        )
        return account_id

    async def user(self, name: str, *, home_built: bool = True) -> int:
        account_id = await self.account(name, None)
        await self.ctx.db.execute(
            INSERT_USER, account_id, f"{name}@here.test", "x", "user", START, START, START
        )
        if home_built:
            await self.ctx.db.execute(_HOME_BUILT, account_id)
        return account_id

    async def token(self, account_id: int | None, scopes: str = "read write") -> str:
        token = f"token-{self.next_id()}"
        await self.ctx.db.execute(
            INSERT_TOKEN,
            self.next_id(),
            token_hash(token),
            await self.application(),
            account_id,
            scopes,
            START,
        )
        return token

    async def status(
        self,
        account_id: int,
        content: str = "<p>Hello</p>",
        *,
        visibility: str = "public",
        reply_to: int | None = None,
        reply_to_account: int | None = None,
        reblog_of: int | None = None,
        local: bool = False,
        application_id: int | None = None,
    ) -> int:
        status_id = self.next_id()
        await self.ctx.db.execute(
            INSERT_STATUS,
            status_id,
            f"https://far.test/s/{status_id}",
            f"https://far.test/@x/{status_id}",
            account_id,
            local,
            "Note",
            visibility,
            reblog_of,
            reply_to,
            reply_to_account,
            None,
            reply_to or status_id,
            content,
            "Hello" if local else "",
            "",
            False,
            "en",
            [_EMOJI],
            application_id,
            START + timedelta(seconds=status_id),
        )
        return status_id

    async def rich_status(self, account_id: int) -> int:
        """Give a status with everything that can hang on one."""
        status_id = await self.status(account_id, application_id=await self.application())
        await self.media(account_id, status_id)
        await self.mention(status_id, await self.account(f"named{status_id}"))
        await self.tag(status_id, "Katzen")
        await self.poll(account_id, status_id)
        return status_id

    async def quote(
        self, status_id: int, quoted_id: int, *, state: str = "accepted", legacy: bool = False
    ) -> None:
        """Let a status quote another."""
        await self.execute(
            """
            INSERT INTO quotes (status_id, account_id, quoted_uri, quoted_id, quoted_account_id,
                state, legacy, created_at)
            SELECT s.id, s.account_id, q.uri, q.id, q.account_id, $3, $4, now()
            FROM statuses s, statuses q WHERE s.id = $1 AND q.id = $2
            """,
            status_id,
            quoted_id,
            state,
            legacy,
        )

    async def react(self, account_id: int, status_id: int, emoji: str, image: str = "") -> None:
        await self.ctx.db.execute(
            INSERT_EMOJI_REACTION,
            self.next_id(),
            account_id,
            status_id,
            f"https://far.test/reactions/{self.next_id()}",
            emoji,
            image,
            START,
        )

    async def quoting_status(self, account_id: int) -> int:
        """Give a status that quotes another of the same account."""
        status_id = await self.status(account_id)
        await self.quote(status_id, await self.status(account_id))
        return status_id

    async def quote_policy(self, status_id: int, policy: int) -> None:
        """Say who may quote a status: bits of storage.visibility."""
        await self.execute("UPDATE statuses SET quote_policy = $2 WHERE id = $1", status_id, policy)

    async def guard(self, status_id: int) -> None:
        """Let the status's author be asked before anybody answers it."""
        await self.execute(
            """
            UPDATE statuses SET interaction_policy =
                '{"reply": {"automatic": ["author"], "manual": ["public"]}}' WHERE id = $1
            """,
            status_id,
        )

    async def waiting_answer(self, account_id: int, status_id: int, owner: int) -> int:
        """Let an answer to the status wait for its owner."""
        reply = await self.status(account_id, reply_to=status_id)
        await self.execute("UPDATE statuses SET withheld = true WHERE id = $1", reply)
        await self.execute(
            """
            INSERT INTO approvals (id, account_id, target_id, status_id, kind, interaction_uri,
                reply_id, state, created_at)
            VALUES ($1, $2, $3, $4, 'reply', $5, $6, 'pending', $7)
            """,
            *(self.next_id(), account_id, owner, status_id, f"reply-{reply}", reply, START),
        )
        return reply

    async def follow(self, follower: int, target: int, *, accepted: bool = True) -> None:
        await self.ctx.db.execute(
            INSERT_FOLLOW,
            self.next_id(),
            follower,
            target,
            f"https://far.test/f/{self._last_id}",
            START if accepted else None,
            True,
            False,
            ["en"],
            START,
        )

    async def listed(self, owner: int, members: list[int]) -> int:
        """Make a list of `owner`, who follows its members."""
        list_id = self.next_id()
        await self.ctx.db.execute(INSERT_LIST, list_id, owner, "List", "list", False, START)
        ids = [self.next_id() for _ in members]
        await self.ctx.db.execute(ADD_TO_LIST, list_id, ids, members, owner)
        return list_id

    async def block(self, account_id: int, target: int) -> None:
        await self.ctx.db.execute(
            INSERT_BLOCK, self.next_id(), account_id, target, "https://far.test/b", START
        )

    async def mute(self, account_id: int, target: int) -> None:
        await self.ctx.db.execute(PUT_MUTE, self.next_id(), account_id, target, True, None, START)

    async def favourite(self, account_id: int, status_id: int) -> None:
        await self.ctx.db.execute(
            INSERT_FAVOURITE, self.next_id(), account_id, status_id, "https://far.test/l", START
        )

    async def bookmark(self, account_id: int, status_id: int) -> None:
        await self.ctx.db.execute(INSERT_BOOKMARK, self.next_id(), account_id, status_id, START)

    async def mention(self, status_id: int, account_id: int) -> None:
        await self.ctx.db.execute(INSERT_MENTIONS, status_id, [account_id], [False])

    async def tag(self, status_id: int, name: str) -> None:
        await self.ctx.db.execute(
            PUT_TAGS, status_id, [self.next_id()], [name.lower()], [name], START
        )

    async def media(self, account_id: int, status_id: int | None, *, blob: str = "ab.png") -> int:
        media_id = self.next_id()
        size = {"width": 40, "height": 30, "size": "40x30", "aspect": 1.3333333}
        await self.ctx.db.execute(
            INSERT_MEDIA,
            media_id,
            account_id,
            status_id,
            0,
            "image",
            "image/png",
            blob,
            None,
            None,
            None,
            "A cat",
            "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
            {"original": size, "small": size, "focus": {"x": 0.0, "y": 0.0}},
            START,
        )
        return media_id

    async def poll(self, account_id: int, status_id: int, *, hide_totals: bool = False) -> int:
        poll_id = self.next_id()
        await self.ctx.db.execute(
            INSERT_POLL,
            poll_id,
            status_id,
            account_id,
            ["Yes", "No"],
            [2, 1],
            3,
            False,
            hide_totals,
            START + timedelta(days=30),
            None,
        )
        return poll_id

    async def vote(self, poll_id: int, account_id: int, choice: int) -> None:
        await self.ctx.db.execute(
            INSERT_VOTES, poll_id, account_id, [choice], ["https://far.test/v"], START
        )

    async def edit(self, status_id: int) -> None:
        """Keep a version of the status as it was, and mark it edited."""
        await self.ctx.db.execute(
            INSERT_EDIT,
            self.next_id(),
            status_id,
            "<p>Before</p>",
            "Before",
            "",
            False,
            [],
            ["Old", "Older"],
            START,
        )
        await self.execute("UPDATE statuses SET edited_at = $2 WHERE id = $1", status_id, START)

    async def pin(self, account_id: int, status_id: int) -> None:
        await self.ctx.db.execute(PIN_STATUS, status_id, account_id, START)

    async def notify(
        self,
        account_id: int,
        kind: str,
        from_account: int,
        status_id: int | None = None,
        *,
        after: timedelta = timedelta(),
    ) -> int:
        """Notify somebody as an act would, at the START or some time after it."""
        notification_id, at = self.next_id(), START + after
        await self.ctx.db.execute(
            NOTIFY, [notification_id], [account_id], [kind], from_account, status_id, at, None
        )
        return notification_id

    async def filtered(self, account_id: int, from_account: int) -> None:
        """Let a mention of somebody be kept apart, since its author is limited for a moment."""
        limit = "UPDATE accounts SET silenced_at = CASE WHEN $2 THEN now() END WHERE id = $1"
        status_id = await self.status(from_account, "<p>Psst</p>")
        await self.mention(status_id, account_id)
        await self.execute(limit, from_account, True)
        await self.notify(account_id, "mention", from_account, status_id)
        await self.execute(limit, from_account, False)

    async def converse(self, account_id: int, other: int) -> int:
        """Let somebody write to another in private."""
        status_id = await self.status(account_id, "<p>Psst</p>", visibility="direct")
        await self.mention(status_id, other)
        await self.ctx.db.execute(CONVERSE, [status_id], None, self.next_id())
        return status_id

    async def read_up_to(self, account_id: int, notification_id: int) -> None:
        """Let somebody have read their notifications up to one."""
        await self.ctx.db.fetch(
            SAVE_MARKERS, account_id, ["notifications"], [notification_id], START
        )

    async def at_home(self, account_id: int, *status_ids: int) -> None:
        for status_id in status_ids:
            await self.ctx.db.execute(_HOME, account_id, status_id)

    async def get(self, path: str, token: str | None = None) -> Any:
        """Give the JSON of a GET that succeeds."""
        answer = await self.answer("GET", path, token)
        assert answer.status == 200, answer.json
        return answer.json

    async def ids(self, path: str, token: str | None = None) -> list[int]:
        """Give the ids in the list that a GET answers with."""
        return [int(one["id"]) for one in await self.get(path, token)]

    async def answer(self, method: str, path: str, token: str | None = None) -> "Answer":
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.client.request(method, path, headers=headers) as response:
            json = await response.json()
            return Answer(response.status, json, response.headers.get("Link"))


class Answer:
    """What the server said."""

    def __init__(self, status: int, json: Any, link: str | None) -> None:
        self.status = status
        self.json = json
        self.link = link
