"""All settings. Each field carries its reason, unit and bounds; the default is its value."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from activitypub.onions import is_onion
from fedserver.config.house_rules import (
    DonationsConfig,
    MailConfig,
    PolicyConfig,
    RegistrationsConfig,
    TranslationConfig,
    TrendsConfig,
)
from fedserver.config.setting import setting
from fedserver.config.survival import VaultBucketConfig, VaultConfig
from fedserver.errors import ConfigError

_LOCAL_SUFFIXES = (".localhost", ".test")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceConfig:
    """Who this instance is."""

    domain: str = setting(
        "localhost:8080",
        "The name in every address and id made here. It cannot be changed once others know it. "
        "Where it is not set it is localhost with the port of [server].",
        example="social.example",
    )
    title: str = setting("fedserver", "The name that clients and peers show.")
    description: str = setting("", "One or two sentences for people who look at the instance.")
    contact_email: str = setting(
        "", "Where people and other admins can write to. Shown in public.", example="me@example.org"
    )
    languages: tuple[str, ...] = setting(
        ("en",), "The languages spoken here, as ISO 639-1 codes, the first one preferred."
    )
    rules: tuple[str, ...] = setting((), "The rules of the house, one text each.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Where the server listens."""

    listen: str = setting(
        "127.0.0.1",
        "The address to listen on. Only loopback: a reverse proxy with TLS stands before it.",
        example="0.0.0.0",
    )
    port: int = setting(8080, "The port to listen on.", minimum=1, maximum=65535)
    trusted_proxies: tuple[str, ...] = setting(
        ("127.0.0.1", "::1"),
        "Addresses or networks whose X-Forwarded-For is believed. "
        "A reverse proxy on the same machine comes from loopback.",
        example="10.0.0.0/8",
    )
    alternates: tuple[str, ...] = setting(
        (),
        "Other addresses under which this instance is reached when its domain is not: a second "
        "domain, an onion service. What is given out there is named by the domain as ever.",
        example="https://alt.example",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """The ways out to others."""

    socks: str = setting(
        "",
        "A SOCKS5 proxy, such as Tor's: the only way to .onion names. Empty: there is none.",
        example="socks5://127.0.0.1:9050",
        secret=True,
    )
    fallback: bool = setting(
        False,
        "Whether hosts that cannot be reached directly are tried through the proxy. It has to "
        "refuse private addresses itself, as Tor does.",
    )
    timeout_s: float = setting(
        30.0,
        "How long a request through the proxy may take: Tor first finds a way.",
        unit="seconds",
        minimum=1,
        maximum=300,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConfig:
    """Which PostgreSQL to use."""

    url: str = setting(
        "",
        "Empty: fedserver brings and runs its own PostgreSQL in the data folder. "
        "Otherwise a PostgreSQL of version 15 or later.",
        example="postgresql://fedserver@db.example/fedserver",
        secret=True,
    )
    pool_min: int = setting(1, "Connections kept open.", unit="connections", minimum=0)
    pool_max: int = setting(
        12,
        "Connections used at most. More only wait for each other on a small machine.",
        unit="connections",
        minimum=2,
        maximum=500,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Where things are kept."""

    folder: Path = setting(
        Path("data"),
        "The folder for the database, media and keys. A relative path starts at the folder of "
        "the configuration file.",
        example="/var/lib/fedserver",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaConfig:
    """What may be uploaded and fetched."""

    max_image_bytes: int = setting(
        16_777_216, "The size of an uploaded image; Mastodon's.", unit="bytes", minimum=1024
    )
    max_image_pixels: int = setting(
        33_177_600,
        "Width times height. Larger images take hundreds of megabytes of memory to decode.",
        unit="pixels",
        minimum=1_000_000,
    )
    max_attachments: int = setting(
        4, "Attachments of one post; clients expect four.", minimum=0, maximum=32
    )
    max_video_bytes: int = setting(
        103_809_024,
        "The size of an uploaded video or sound; Mastodon's.",
        unit="bytes",
        minimum=1024,
        maximum=2**31 - 1,
    )
    max_video_pixels: int = setting(
        8_294_400,
        "Width times height of a video; 4K as in Mastodon.",
        unit="pixels",
        minimum=76_800,
        maximum=2**31 - 1,
    )
    max_video_frame_rate: int = setting(
        120, "Pictures a second of a video; Mastodon's.", minimum=1, maximum=1000
    )
    conversion_timeout_s: int = setting(
        900,
        "How long the conversion of one video may take. Those that browsers play as they are take "
        "a second.",
        unit="seconds",
        minimum=10,
        maximum=86_400,
    )
    conversion_memory_bytes: int = setting(
        2_147_483_648,
        "What the process that converts a video may take.",
        unit="bytes",
        minimum=536_870_912,
    )
    proxy: bool = setting(
        True,
        "Give people the pictures and films of other servers from here, so that those servers "
        "learn nothing of who looks.",
    )
    max_remote_bytes: int = setting(
        41_943_040,
        "The size of a file of another server that is passed on.",
        unit="bytes",
        minimum=65_536,
        maximum=2**31 - 1,
    )
    cache_bytes: int = setting(
        5_368_709_120,
        "What is kept of other servers' files; what was looked at least lately goes first.",
        unit="bytes",
        minimum=1_048_576,
    )
    cache_days: int = setting(
        7,
        "How long a file of another server is kept that nobody looks at.",
        unit="days",
        minimum=1,
        maximum=3650,
    )
    link_previews: bool = setting(
        True, "Fetch the pages that posts link to, and show a card with title and picture."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketConfig:
    """An S3-compatible bucket for media instead of a folder."""

    name: str = setting(
        "",
        "Empty: media are files in the data folder. Otherwise the bucket's name.",
        example="media",
    )
    endpoint: str = setting(
        "", "Where the service answers; empty: Amazon's.", example="https://s3.example.org"
    )
    region: str = setting("us-east-1", "What the service calls its region.")
    access_key_id: str = setting("", "Who we are there.", secret=True, example="AKIA...")
    secret_access_key: str = setting("", "What proves it.", secret=True, example="...")
    prefix: str = setting("", "Put before every name in the bucket.", example="fedserver/")
    path_style: bool = setting(
        True, "Whether the bucket's name stands in the path instead of in the host name."
    )
    delivery: Literal["through_us", "presigned", "public"] = setting(
        "through_us",
        "How browsers get files: from us, by a redirect to an address that is valid for an hour, "
        "or by a redirect below public_url.",
    )
    public_url: str = setting(
        "", "Where everybody can read the bucket.", example="https://files.example.org"
    )
    timeout_s: float = setting(
        30.0, "How long one request may take.", unit="seconds", minimum=1, maximum=600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusesConfig:
    """How long posts and polls may be."""

    max_characters: int = setting(
        500, "Characters of a post, as Mastodon counts them.", unit="characters", minimum=1
    )
    max_poll_options: int = setting(4, "Choices of a poll.", minimum=2, maximum=50)
    max_poll_option_characters: int = setting(
        50, "Characters of one choice.", unit="characters", minimum=1, maximum=500
    )
    min_poll_duration_s: int = setting(
        300, "The shortest poll: votes need time to travel.", unit="seconds", minimum=60
    )
    max_poll_duration_s: int = setting(
        2_629_746, "The longest poll, a month.", unit="seconds", minimum=300
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationConfig:
    """How the server talks with others."""

    signed_fetches_only: bool = setting(
        False,
        "Give documents only to signed requests, so that blocked servers cannot read them. "
        "Some small servers then cannot read them either.",
    )
    mode: Literal["open", "allow_list"] = setting(
        "open",
        "With whom: everybody who is not blocked, or those alone who are allowed by "
        "`fedserver domain allow` (documents are then given to signed requests only).",
    )
    publish_domain_blocks: Literal["everybody", "users", "nobody"] = setting(
        "everybody", "Who may read which domains are blocked or limited, and the public reasons."
    )
    user_agent_extra: str = setting(
        "", "Added to the User-Agent of outgoing requests.", example="contact: me@example.org"
    )
    request_timeout_s: float = setting(
        10.0,
        "How long one request to a peer may take, redirects included.",
        unit="seconds",
        minimum=1,
        maximum=120,
    )
    max_document_bytes: int = setting(
        1_048_576, "The size of a fetched or received document.", unit="bytes", minimum=65_536
    )
    fetch_budget: int = setting(
        30,
        "Fetches that one received activity may cause, so that nobody can make us crawl for them.",
        unit="requests",
        minimum=1,
        maximum=1000,
    )
    delivery_give_up_days: int = setting(
        7,
        "After how many days a host that does not answer is parked: nothing is kept for it any "
        "more but the place from which on it missed our activities.",
        unit="days",
        minimum=1,
        maximum=365,
    )
    replay_days: int = setting(
        30,
        "How old what a host missed may be, to be sent when it is back.",
        unit="days",
        minimum=1,
        maximum=365,
    )

    @property
    def only_signed_fetches(self) -> bool:
        """Whether documents are given to signed requests only."""
        return self.signed_fetches_only or self.mode == "allow_list"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevelopmentConfig:
    """What only development and tests may use. Refused under a public domain."""

    # Code asks `Config.plain_http`, which knows what leaving it out means.
    plain_http: bool | None = setting(
        None,
        "Plain http to peers and in our own addresses. Left out, it is true exactly where the "
        "domain is local.",
        example="true",
    )
    reachable_addresses: tuple[str, ...] = setting(
        (),
        "Exact private addresses, with or without a port, that requests may reach.",
        example="127.0.0.1:8081",
    )
    host_map: Mapping[str, str] = setting(
        MappingProxyType({}),
        "Leads host names to addresses, instead of DNS.",
        example='"b.test" = "127.0.0.1:8081"',
    )
    ca_file: Path | None = setting(
        None, "A file of certificates (PEM) to trust beside the system's.", example="test-ca.pem"
    )
    rate_limits: bool = setting(True, "Whether rate limits are enforced.")
    allow_under_public_domain: bool = setting(
        False, "Lets the other keys of this section stand under a public domain."
    )

    def used(self) -> list[str]:
        """Give the keys that loosen something."""
        loosened = {
            "plain_http": self.plain_http is True,
            "reachable_addresses": bool(self.reachable_addresses),
            "host_map": bool(self.host_map),
            "ca_file": self.ca_file is not None,
            "rate_limits": not self.rate_limits,
        }
        return [name for name, is_loosened in loosened.items() if is_loosened]


@dataclass(frozen=True, slots=True, kw_only=True)
class KitsConfig:
    """The kits with which people can leave without this server (docs/survival.md)."""

    allow_signing_keys: bool = setting(
        False,
        "Whether a kit holds the key that signs for the account, too. Then its owner reaches every "
        "server without this one, not only those that know recovery keys; but they, and whoever "
        "finds kit and words, can also post in the name of the account, unseen by this server.",
    )
    every_days: int = setting(
        7, "How often each kit is made anew.", unit="days", minimum=1, maximum=90
    )
    mirrors: int = setting(
        2,
        "On how many of the instances that keep sealed chunks for this one each kit is put.",
        minimum=0,
        maximum=10,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What the log says."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "The least important lines to write."
    )
    format: Literal["text", "json"] = setting(
        "text", "Lines for people, or one JSON object a line for programs."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of one instance. Without arguments: a local instance for trying out.

    Raises ConfigError for values that do not go together.
    """

    instance: InstanceConfig = field(default_factory=InstanceConfig)
    server: ServerConfig = field(default_factory=ServerConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    data: DataConfig = field(default_factory=DataConfig)
    media: MediaConfig = field(default_factory=MediaConfig)
    bucket: BucketConfig = field(default_factory=BucketConfig)
    statuses: StatusesConfig = field(default_factory=StatusesConfig)
    registrations: RegistrationsConfig = field(default_factory=RegistrationsConfig)
    mail: MailConfig = field(default_factory=MailConfig)
    trends: TrendsConfig = field(default_factory=TrendsConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    federation: FederationConfig = field(default_factory=FederationConfig)
    translation: TranslationConfig = field(default_factory=TranslationConfig)
    donations: DonationsConfig = field(default_factory=DonationsConfig)
    vault: VaultConfig = field(default_factory=VaultConfig)
    vault_bucket: VaultBucketConfig = field(default_factory=VaultBucketConfig)
    kits: KitsConfig = field(default_factory=KitsConfig)
    development: DevelopmentConfig = field(default_factory=DevelopmentConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def __post_init__(self) -> None:
        """Check what no single value can tell."""
        if self.database.pool_min > self.database.pool_max:
            raise ConfigError("[database] pool_min is larger than pool_max")
        if self.statuses.min_poll_duration_s > self.statuses.max_poll_duration_s:
            raise ConfigError("[statuses] min_poll_duration_s is larger than max_poll_duration_s")
        if self.network.fallback and not self.network.socks:
            raise ConfigError("[network] fallback = true needs socks, the proxy to fall back on")
        if self.base_url in self.server.alternates:
            raise ConfigError("[server] alternates: names the domain itself; leave that out")
        if self.bucket.delivery == "public" and not self.bucket.public_url:
            raise ConfigError('[bucket] delivery = "public" needs public_url')
        self._check_development()

    def _check_development(self) -> None:
        used = self.development.used()
        if used and not self.is_local and not self.development.allow_under_public_domain:
            raise ConfigError(
                f"[development] {', '.join(used)}: only for development and tests, but the domain "
                f"is {self.instance.domain}. Remove it, or, if you are sure that nobody but you "
                "can reach this instance, set allow_under_public_domain = true in [development]"
            )

    @property
    def is_local(self) -> bool:
        """Whether the domain is one that exists only on this machine (or in a test)."""
        return is_local_domain(self.instance.domain)

    @property
    def plain_http(self) -> bool:
        """Whether plain http is spoken, with peers and in our own addresses."""
        chosen = self.development.plain_http
        return self.is_local if chosen is None else chosen

    @property
    def base_url(self) -> str:
        """The start of our own addresses, without a slash at the end: "https://social.example"."""
        return f"{self.scheme_of(self.instance.domain)}://{self.instance.domain}"

    def scheme_of(self, host: str) -> str:
        """How `host` ("name" or "name:port") is spoken to where nothing says it; an onion service
        needs no TLS, and hardly any has it."""
        return "http" if self.plain_http or is_onion(host) else "https"

    @property
    def longest_request_s(self) -> float:
        """How long one request to a peer may take, whichever way it goes."""
        direct_s = self.federation.request_timeout_s
        return max(direct_s, self.network.timeout_s) if self.network.socks else direct_s


def is_local_domain(domain: str) -> bool:
    """Whether `domain` ("name" or "name:port") is localhost, loopback, *.localhost or *.test."""
    host = domain.rpartition(":")[0] if _has_port(domain) else domain
    if host == "localhost" or host.endswith(_LOCAL_SUFFIXES):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _has_port(domain: str) -> bool:
    return ":" in domain and not domain.endswith("]")
