"""WebFinger (RFC 7033) and the `user@host` handles it resolves."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

import idna

from activitypub.errors import DocumentError

MAX_HANDLE_CHARS: Final = 512
MAX_DOMAIN_CHARS: Final = 253
MAX_ALIASES: Final = 32
MAX_LINKS: Final = 64
MAX_URI_CHARS: Final = 2048

JRD_TYPE: Final = "application/jrd+json"
ACTIVITY_TYPE: Final = "application/activity+json"
REL_SELF: Final = "self"
REL_PROFILE: Final = "http://webfinger.net/rel/profile-page"
REL_AVATAR: Final = "http://webfinger.net/rel/avatar"
REL_SUBSCRIBE: Final = "http://ostatus.org/schema/1.0/subscribe"
REL_SERVER: Final = "https://www.w3.org/ns/activitystreams#Service"
INTENTS: Final = "https://w3id.org/fep/3b86/"

_ACTIVITYSTREAMS: Final = "https://www.w3.org/ns/activitystreams"
_USERNAME: Final = re.compile(r"(?=.*[A-Za-z0-9_])[A-Za-z0-9_.-]{1,64}")
_LDH_DOMAIN: Final = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Handle:
    """A fediverse address. `domain` is lower-case, in A-labels, with a port if not the default."""

    username: str
    domain: str

    def __str__(self) -> str:
        return f"{self.username}@{self.domain}"

    @property
    def acct(self) -> str:
        """The `acct:` URI of the handle (RFC 7565)."""
        return f"acct:{self}"


@dataclass(frozen=True, slots=True)
class Jrd:
    """What a peer's WebFinger document says, everything checked for form but not for truth."""

    subject: Handle | None
    aliases: tuple[str, ...]
    actor_uri: str | None
    profile_url: str | None
    subscribe_template: str | None


def parse_handle(text: str) -> Handle:
    """Read "acct:a@b", "@a@b" or "a@b"; raises DocumentError.

    The domain is lower-cased, converted to A-labels (IDNA 2008) and loses a final dot and the
    default port, so that two spellings of one handle are equal. The user name keeps its case.
    """
    if len(text) > MAX_HANDLE_CHARS:
        raise DocumentError("handle is too long")
    text = text.strip()
    bare = text[5:] if text[:5].lower() == "acct:" else text.removeprefix("@")
    username, separator, domain = bare.partition("@")
    if not separator or not _USERNAME.fullmatch(username):
        raise DocumentError("not a handle of the form user@domain")
    return Handle(username, normalise_domain(domain))


def normalise_domain(text: str) -> str:
    """Lower-case A-label form of "host" or "host:port"; raises DocumentError."""
    host, separator, port = text.partition(":")
    host = _normalise_host(host.removesuffix("."))
    if not separator:
        return host
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise DocumentError("port is not a number from 1 to 65535")
    return host if port == "443" else f"{host}:{port}"


def _normalise_host(host: str) -> str:
    lowered = host.lower()
    if not _LDH_DOMAIN.fullmatch(lowered) or "xn--" in lowered:
        lowered = _to_a_labels(host)
    if len(lowered) > MAX_DOMAIN_CHARS:
        raise DocumentError("domain is too long")
    return lowered


def _to_a_labels(host: str) -> str:
    if len(host) > MAX_DOMAIN_CHARS:
        raise DocumentError("domain is too long")
    try:
        encoded = idna.encode(host, uts46=True).decode("ascii")
    except ValueError as error:  # IDNAError is a UnicodeError, which is a ValueError
        raise DocumentError("domain is not a valid host name") from error
    if not _LDH_DOMAIN.fullmatch(encoded):
        raise DocumentError("domain is not a valid host name")
    return encoded


def webfinger_url(scheme_host: str, resource: str) -> str:
    """The URL to ask, for "https://host" and a resource (an acct: or an actor URI); RFC 7033 §4.1.

    Leaves ":", "@" and "/" as they are, which a query may hold: a few servers do not decode.
    """
    return f"{scheme_host}/.well-known/webfinger?resource={quote(resource, safe=':@/')}"


def jrd(
    handle: Handle,
    *,
    actor_uri: str,
    profile_url: str,
    subscribe_template: str | None = None,
    avatar_url: str | None = None,
    avatar_type: str | None = None,
    intents: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """The WebFinger document of a local actor (RFC 7033 §4.4), as the fediverse expects it.

    `subscribe_template` holds "{uri}" where a followed actor's address is to be put; `intents`
    are templates by activity type, with "{object}", or "{content}" for a Create (FEP-3b86).
    """
    links: list[dict[str, str]] = [
        {"rel": REL_PROFILE, "type": "text/html", "href": profile_url},
        {"rel": REL_SELF, "type": ACTIVITY_TYPE, "href": actor_uri},
    ]
    if subscribe_template is not None:
        links.append({"rel": REL_SUBSCRIBE, "template": subscribe_template})
    for intent, template in (intents or {}).items():
        links.append({"rel": INTENTS + intent, "template": template})
    if avatar_url is not None:
        kind = {"type": avatar_type} if avatar_type is not None else {}
        links.append({"rel": REL_AVATAR, **kind, "href": avatar_url})
    aliases = list(dict.fromkeys([profile_url, actor_uri]))
    return {"subject": handle.acct, "aliases": aliases, "links": links}


def server_jrd(resource: str, actor_uri: str) -> dict[str, object]:
    """The WebFinger document of a server's own address, which leads to its actor (FEP-d556)."""
    rels = (REL_SERVER, REL_SELF)
    links = [{"rel": rel, "type": ACTIVITY_TYPE, "href": actor_uri} for rel in rels]
    return {"subject": resource, "aliases": [actor_uri], "links": links}


def with_rels(document: dict[str, object], rels: Sequence[str]) -> dict[str, object]:
    """The document with only the links of these relations, with all if there are none to choose by
    (RFC 7033 §4.3)."""
    links = document.get("links")
    if not rels or not isinstance(links, list):
        return document
    return {**document, "links": [link for link in links if link.get("rel") in rels]}


def parse_jrd(document: object) -> Jrd:
    """Read a peer's WebFinger document (parsed JSON); raises DocumentError if it is no object.

    Members of a wrong type, oversized ones and URLs that are not http(s) count as absent.
    """
    if not isinstance(document, Mapping):
        raise DocumentError("WebFinger document is not an object")
    links = _links(document)
    return Jrd(
        subject=_subject(document.get("subject")),
        aliases=_aliases(document.get("aliases")),
        actor_uri=_first(link.get("href") for link in links if _is_actor_link(link)),
        profile_url=_first(link.get("href") for link in links if link.get("rel") == REL_PROFILE),
        subscribe_template=_subscribe_template(links),
    )


def _links(document: Mapping[object, object]) -> list[Mapping[object, object]]:
    links = document.get("links")
    if not isinstance(links, list):
        return []
    return [link for link in links[:MAX_LINKS] if isinstance(link, Mapping)]


def _subject(value: object) -> Handle | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_handle(value)
    except DocumentError:
        return None


def _aliases(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        alias
        for alias in value[:MAX_ALIASES]
        if isinstance(alias, str) and len(alias) <= MAX_URI_CHARS
    )


def _is_actor_link(link: Mapping[object, object]) -> bool:
    media_type = link.get("type")
    if link.get("rel") != REL_SELF or not isinstance(media_type, str) or len(media_type) > 256:
        return False
    name, _, parameters = media_type.lower().partition(";")
    if name.strip() == ACTIVITY_TYPE:
        return True
    return name.strip() == "application/ld+json" and _ACTIVITYSTREAMS in parameters


def _first(candidates: Iterable[object]) -> str | None:
    return next((url for url in candidates if isinstance(url, str) and is_http_url(url)), None)


def _subscribe_template(links: list[Mapping[object, object]]) -> str | None:
    template = _first(link.get("template") for link in links if link.get("rel") == REL_SUBSCRIBE)
    return template if template is not None and "{uri}" in template else None


def is_http_url(text: str) -> bool:
    """Whether this is an absolute http(s) URL of bounded length, in ASCII, without user info."""
    if len(text) > MAX_URI_CHARS or not _VISIBLE_ASCII.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(usable) and "@" not in parts.netloc
