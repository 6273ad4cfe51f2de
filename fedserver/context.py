"""What every part of the running server is handed: one value, made in `app.py`."""

import asyncio
from dataclasses import dataclass, field

from fedserver.bytes_cache import BytesCache
from fedserver.clock import Clock
from fedserver.config import Config
from fedserver.domain_rules import DomainRules
from fedserver.events import Events
from fedserver.ids import IdMaker
from fedserver.key_pool import KeyCache, KeyPool
from fedserver.outgoing import Outgoing
from fedserver.rate_limits import RateLimiter
from fedserver.recent import Recent
from fedserver.secrets import Secrets
from fedserver.timed_cache import TimedCache
from fedserver.uris import Uris
from fedserver.viewer_filters import ViewerFilters
from storage.accounts import KeyRow, SignerKeyRow
from storage.blobs import BlobStore
from storage.database import Database
from storage.inbox import InboxStore


@dataclass(frozen=True, slots=True)
class Context:
    """The ground that everything stands on. Nothing in it is the only copy of anything."""

    config: Config
    db: Database
    clock: Clock
    ids: IdMaker
    secrets: Secrets
    key_pool: KeyPool
    key_cache: KeyCache
    out: Outgoing
    blobs: BlobStore
    events: Events
    rate_limiter: RateLimiter
    entity_cache: BytesCache
    recent: Recent
    inbox: InboxStore
    signer_keys: TimedCache[str, SignerKeyRow]
    own_keys: TimedCache[tuple[int, str], KeyRow]
    domains: DomainRules
    viewer_filters: ViewerFilters
    # Signs the addresses of our proxy; empty: peers' addresses are given out as they are.
    media_key: bytes = b""
    # A peer's file is whole in memory for a moment: so many at once, and no more.
    remote_media_places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))

    @property
    def uris(self) -> Uris:
        """What makes the URIs that are given out here."""
        return Uris(self.config.base_url, self.media_key)
