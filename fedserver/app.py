"""The composition root: opens the ground, mounts the endpoints, starts and stops the workers."""

import asyncio
import importlib
import logging
import resource
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware

from fedserver import __version__, routing
from fedserver.bytes_cache import BytesCache
from fedserver.clock import Clock, SystemClock
from fedserver.config import Config
from fedserver.context import Context
from fedserver.domain_rules import DomainRules
from fedserver.errors import StartError
from fedserver.events import FILTERS, Events
from fedserver.ids import IdMaker
from fedserver.key_pool import KeyCache, KeyPool
from fedserver.outgoing import Outgoing
from fedserver.outgoing.proxy import configured_proxy
from fedserver.rate_limits import RateLimiter
from fedserver.recent import Recent
from fedserver.routing import CONTEXT, Endpoint
from fedserver.routing.middleware import middlewares, serve_heads
from fedserver.secrets import CannotUnwrap, Secrets
from fedserver.services import new_accounts, push_keys, signing, users
from fedserver.timed_cache import TimedCache
from fedserver.viewer_filters import ViewerFilters
from storage.blobs import BlobFolder, BlobStore
from storage.bucket import BlobBucket, BucketPlace
from storage.database import Database, StorageError
from storage.doors import DOORS_OF
from storage.evacuations import CURRENT_BASE, FREE_PEERS
from storage.inbox import InboxStore
from storage.migrate import migrate
from storage.recovery import FREE_CLAIMS, FREE_LEASES, FREE_MEDIA
from storage.server import EmbeddedPostgres, connect_existing

log = logging.getLogger(__name__)

# The rooms whose modules hold endpoints; importing a room registers them.
_EDGES = (
    "fedserver.extension",
    "fedserver.federation",
    "fedserver.mastodon",
    "fedserver.oauth",
    "fedserver.streaming",
    "fedserver.survival.evacuation",
    "fedserver.survival.kits",
    "fedserver.survival.mirrors",
    "fedserver.web",
)
_ENTITY_CACHE_BYTES = 16 * 1024 * 1024
_KEYS_KEPT = 5_000
_KEYS_KEPT_S = 30.0
# Of an upload beside the file itself: the other fields.
_MAX_FORM_BYTES = 1024 * 1024
# Addresses longer than routing allows are read up to here, so that we can say so in our own form.
_MAX_LINE_BYTES = 64 * 1024
_STOP_WITHIN_S = 10
# For the CLI, and for whoever looks into the database by hand.
_CONNECTIONS_BESIDE = 20


def all_endpoints() -> list[Endpoint]:
    """Give every endpoint of the server."""
    for edge in _EDGES:
        importlib.import_module(edge)
    return routing.all_endpoints()


@asynccontextmanager
async def open_context(
    config: Config, *, beside: bool = True, clock: Clock | None = None, any_domain: bool = False
) -> AsyncIterator[Context]:
    """Open database, keys and the way out. `beside` a running server its database is shared (for
    the CLI); otherwise the data folder is ours alone. Without a `clock` the machine's is used.
    `any_domain` does not ask whether the instance is at the domain that the configuration names.

    Raises StartError with what to do next.
    """
    async with AsyncExitStack() as stack:
        dsn = config.database.url or await _embedded(config, stack, beside=beside)
        ctx = await _make_context(config, dsn, stack, clock or SystemClock())
        if not any_domain:
            await _check_domain(ctx)
        yield ctx


async def _check_domain(ctx: Context) -> None:
    """After an evacuation the instance is where the database says."""
    base = await ctx.db.value(CURRENT_BASE)
    if base is not None and base != ctx.config.base_url:
        domain = base.partition("://")[2]
        raise StartError(
            f"This instance has moved to {domain}, but the configuration says "
            f'{ctx.config.instance.domain}: set domain = "{domain}" in [instance]'
        )


async def _embedded(config: Config, stack: AsyncExitStack, *, beside: bool) -> str:
    running = await connect_existing(config.data.folder) if beside else None
    if running is not None:
        return running
    most = config.database.pool_max + _CONNECTIONS_BESIDE
    server = EmbeddedPostgres(config.data.folder, max_connections=most)
    return await stack.enter_async_context(server)


async def _make_context(config: Config, dsn: str, stack: AsyncExitStack, clock: Clock) -> Context:
    db = await _open_database(config, dsn)
    stack.push_async_callback(db.close)
    key_pool = KeyPool()
    stack.callback(key_pool.close)
    domains = DomainRules(config.federation.mode, config.instance.domain)
    await domains.load(db)
    out = await stack.enter_async_context(make_outgoing(config, clock, domains.is_blocked, db))
    secrets = Secrets.load_or_create(config.data.folder / "instance.key", clock)
    events, viewer_filters = Events(db), ViewerFilters(clock)
    events.on(FILTERS, viewer_filters.heard)
    return Context(
        config=config,
        db=db,
        clock=clock,
        ids=IdMaker(clock),
        secrets=secrets,
        key_pool=key_pool,
        key_cache=KeyCache(),
        out=out,
        blobs=make_blobs(config),
        events=events,
        rate_limiter=RateLimiter(clock, enabled=config.development.rate_limits),
        entity_cache=BytesCache(_ENTITY_CACHE_BYTES),
        recent=Recent(clock),
        inbox=InboxStore(db),
        signer_keys=TimedCache(clock, keep_s=_KEYS_KEPT_S, max_entries=_KEYS_KEPT),
        own_keys=TimedCache(clock, keep_s=_KEYS_KEPT_S, max_entries=_KEYS_KEPT),
        domains=domains,
        viewer_filters=viewer_filters,
        media_key=secrets.derived("media proxy") if config.media.proxy else b"",
    )


def make_blobs(config: Config) -> BlobStore:
    """Give where media files are kept: the bucket that is named, else the data folder."""
    bucket = config.bucket
    if not bucket.name:
        return BlobFolder(config.data.folder / "media")
    return BlobBucket(
        BucketPlace(
            name=bucket.name,
            endpoint=bucket.endpoint,
            region=bucket.region,
            access_key_id=bucket.access_key_id,
            secret_access_key=bucket.secret_access_key,
            prefix=bucket.prefix,
            path_style=bucket.path_style,
            presigned=bucket.delivery == "presigned",
            public_url=bucket.public_url if bucket.delivery == "public" else "",
            timeout_s=bucket.timeout_s,
        )
    )


async def _open_database(config: Config, dsn: str) -> Database:
    try:
        await migrate(dsn)
        return await Database.connect(
            dsn, pool_min=config.database.pool_min, pool_max=config.database.pool_max
        )
    except (StorageError, OSError) as error:
        raise StartError(
            f"The database cannot be used: {error}. Is it running, and is [database] url right? "
            "`fedserver doctor` looks further"
        ) from error


def make_outgoing(
    config: Config, clock: Clock, is_blocked: Callable[[str], bool], db: Database | None = None
) -> Outgoing:
    """Give the way out to the network, which a restore has before there is a database."""

    async def doors_of(host: str) -> list[str]:
        return [] if db is None else await db.values(DOORS_OF, host, clock.now())

    extra = f"; {config.federation.user_agent_extra}" if config.federation.user_agent_extra else ""
    return Outgoing(
        user_agent=f"fedserver/{__version__} (+{config.base_url}{extra})",
        plain_http=config.plain_http,
        reachable_addresses=frozenset(config.development.reachable_addresses),
        host_map=config.development.host_map,
        ca_file=config.development.ca_file,
        clock=clock,
        is_blocked=is_blocked,
        own_services=[
            url for url in (config.translation.url, config.donations.campaigns_url) if url
        ],
        proxy=configured_proxy(config),
        doors_of=doors_of,
    )


def make_application(ctx: Context, inside: Sequence[Middleware] = ()) -> web.Application:
    """Mount every endpoint on an aiohttp application; `inside` goes around each of them."""
    from fedserver.mastodon.statuses import post_text
    from fedserver.streaming import add_streams
    from fedserver.survival.kits import bring_by_page
    from fedserver.web import BRING_KIT, POST_TEXT, add_static

    media = ctx.config.media
    most = max(media.max_video_bytes, media.max_image_bytes) + _MAX_FORM_BYTES
    app = web.Application(middlewares=[*middlewares(ctx), *inside], client_max_size=most)
    app[CONTEXT] = ctx
    routing.mount(app, all_endpoints())
    add_static(app)
    app[POST_TEXT] = post_text
    app[BRING_KIT] = bring_by_page
    add_streams(app, ctx)
    serve_heads(app)
    return app


@asynccontextmanager
async def running(ctx: Context) -> AsyncIterator[str]:
    """Serve `ctx`, with its workers, until the end of the block. Gives the address it listens on.

    Raises StartError when the port is taken.
    """
    from fedserver import streaming, workers
    from fedserver.survival import archives, evacuation, kits, mirrors
    from fedserver.survival.vault import returning
    from fedserver.survival.vault.runner import Vault

    await new_accounts.ensure_instance_actor(ctx)
    await push_keys.ensure_push_key(ctx)
    await _check_instance_key(ctx)
    if not ctx.config.database.url:
        await _free_what_was_taken(ctx)
    app = make_application(ctx, await returning.gate(ctx))
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=75,
        shutdown_timeout=_STOP_WITHIN_S,
        max_line_size=_MAX_LINE_BYTES,
    )
    await runner.setup()
    vault = Vault(ctx)
    waits = vault.is_synchronous
    try:
        if not waits:
            await _listen(ctx.config, runner)
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(ctx.events.run(), name="events")]
            background.append(tasks.create_task(app[streaming.HUB].run(), name="streams"))
            background += [
                tasks.create_task(run(ctx), name=run.__name__)
                for run in (
                    *workers.ALL,
                    *mirrors.WORKERS,
                    returning.come_back,
                    *kits.WORKERS,
                    *archives.WORKERS,
                    *evacuation.WORKERS,
                    post_what_was_scheduled,
                )
            ]
            background.append(tasks.create_task(vault.run(), name="vault"))
            try:
                if waits:
                    await vault.ready()
                    await _listen(ctx.config, runner)
                yield ctx.config.base_url
            finally:
                await runner.cleanup()
                for task in background:
                    task.cancel()
    finally:
        await runner.cleanup()


async def post_what_was_scheduled(ctx: Context) -> None:
    """Post scheduled statuses in time. Composing them is the client API's, the clock the worker's:
    the two meet here."""
    from fedserver.mastodon.scheduling import post_due
    from fedserver.workers import post_scheduled_always

    await post_scheduled_always(ctx, post_due)


async def _free_what_was_taken(ctx: Context) -> None:
    """The data folder is ours alone: whoever claimed something before us is gone."""
    await ctx.db.execute(FREE_CLAIMS, ctx.clock.now())
    await ctx.db.execute(FREE_LEASES)
    await ctx.db.execute(FREE_MEDIA)
    await ctx.db.execute(FREE_PEERS)


async def _check_instance_key(ctx: Context) -> None:
    """The keys in the database are of no use without the instance key that wraps them."""
    try:
        await signing.instance_key(ctx)
    except CannotUnwrap as error:
        raise StartError(
            f"The file {ctx.config.data.folder / 'instance.key'} is not the key that this "
            "database was made with: put the right file back (from a backup of the data folder)"
        ) from error


async def _listen(config: Config, runner: web.AppRunner) -> None:
    site = web.TCPSite(runner, config.server.listen, config.server.port)
    try:
        await site.start()
    except OSError as error:
        raise StartError(
            f"Cannot listen on {config.server.listen}:{config.server.port}: "
            f"{error.strerror or error}. If the port is taken, stop what uses it, or choose "
            "another: FEDSERVER_SERVER__PORT=8081 fedserver run"
        ) from error


async def serve(config: Config, ready: Callable[[Context], None] | None = None) -> None:
    """Run the server until SIGINT or SIGTERM; `ready` is called when it answers requests."""
    _raise_file_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_context(config, beside=False) as ctx, running(ctx) as address:
        await _announce(ctx, address)
        if ready is not None:
            ready(ctx)
        await stop.wait()
        log.info("stopping")


async def _announce(ctx: Context, address: str) -> None:
    log.info("fedserver %s is ready: %s", __version__, address)
    invitation = await users.first_admin_invitation(ctx)
    if invitation is not None:
        log.info("become the admin here: %s/auth/sign_up?invitation=%s", address, invitation)


def _raise_file_limit() -> None:
    """Each peer's kept connection is a file; the soft limit is low on many systems."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
