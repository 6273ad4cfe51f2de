"""The URIs that this instance gives out. The only place where one is made.

What was given out is stored whole and never made again: these functions serve new things only.
"""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Uris:
    """Makes URIs below `base` (`https://example.org`, without a slash at the end)."""

    base: str
    media_key: bytes = field(default=b"", repr=False)

    @property
    def shared_inbox(self) -> str:
        return f"{self.base}/inbox"

    @property
    def instance_actor(self) -> str:
        return f"{self.base}/actor"

    @property
    def streaming(self) -> str:
        """Where WebSockets go: ws for http, wss for https."""
        return f"ws{self.base.removeprefix('http')}"

    def actor(self, username: str) -> str:
        return f"{self.base}/users/{username}"

    def profile(self, username: str) -> str:
        """The page for people."""
        return f"{self.base}/@{username}"

    def featured_tags(self, actor_uri: str) -> str:
        """The collection of hashtags on a profile of ours."""
        return f"{actor_uri}/collections/tags"

    def featured_collections(self, actor_uri: str) -> str:
        """The list of collections of accounts of one of ours (FEP-7aa9)."""
        return f"{actor_uri}/featured_collections"

    def collection(self, actor_uri: str, collection_id: int) -> str:
        """A collection of accounts."""
        return f"{self.featured_collections(actor_uri)}/{collection_id}"

    def collection_page(self, collection_id: int) -> str:
        """The page for people."""
        return f"{self.base}/collections/{collection_id}"

    def collection_item(self, actor_uri: str, item_id: int) -> str:
        """An account in a collection."""
        return f"{actor_uri}/collection_items/{item_id}"

    def feature_authorization(self, actor_uri: str, item_id: int) -> str:
        """The consent of one of ours to being in a collection (FEP-7aa9)."""
        return f"{actor_uri}/feature_authorizations/{item_id}"

    def status(self, username: str, status_id: int) -> str:
        return f"{self.base}/users/{username}/statuses/{status_id}"

    def status_page(self, username: str, status_id: int) -> str:
        """The page for people."""
        return f"{self.base}/@{username}/{status_id}"

    def status_activity(self, username: str, status_id: int) -> str:
        """The Create or Announce that made a status."""
        return f"{self.status(username, status_id)}/activity"

    def quote_authorization(self, username: str, authorization_id: int) -> str:
        """The consent of an actor to a quote (FEP-044f)."""
        return f"{self.actor(username)}/quote_authorizations/{authorization_id}"

    def authorization(self, username: str, authorization_id: int) -> str:
        """The leave of an actor to answer, like or boost (GoToSocial)."""
        return f"{self.actor(username)}/authorizations/{authorization_id}"

    def activity(self, activity_id: int) -> str:
        return f"{self.base}/activities/{activity_id}"

    def tag(self, name: str) -> str:
        """The page of a hashtag, whatever letters it has."""
        return f"{self.base}/tags/{quote(name, safe='')}"

    def interaction(self, template: str, intent: str = "") -> str:
        """The page on which people here meet what lies elsewhere; `template` stands for its id."""
        chosen = f"&intent={intent.lower()}" if intent else ""
        return f"{self.base}/authorize_interaction?uri={template}{chosen}"

    def share(self, template: str) -> str:
        """The page on which people here write a post; `template` stands for its text."""
        return f"{self.base}/share?text={template}"

    def media(self, blob: str) -> str:
        return f"{self.base}/media/{blob}"

    def remote_media(self, url: str, variant: str = "original") -> str:
        """Where we give what lies at a peer's `url`; that very address where there is no proxy.

        The signature keeps others from having us fetch what they like.
        """
        ours = url.startswith(f"{self.base}/")
        if ours or not self.media_key or not url.startswith(("https://", "http://")):
            return url
        signature = sign_remote(self.media_key, url, variant)
        named = urlsafe_b64encode(url.encode()).decode().rstrip("=")
        return f"{self.base}/proxy/{signature}/{variant}/{named}"

    def static(self, path: str) -> str:
        return f"{self.base}/static/{path}"


def sign_remote(media_key: bytes, url: str, variant: str) -> str:
    """Give the signature of a proxied address: 128 bits of HMAC-SHA-256, URL-safe."""
    digest = hmac.digest(media_key, f"{variant}\n{url}".encode(), "sha256")
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def main_key(actor_uri: str) -> str:
    """The id of an actor's RSA key: a fragment, since some peers compare it with the actor."""
    return f"{actor_uri}#main-key"


def ed25519_key(actor_uri: str) -> str:
    """The id of the Ed25519 key that the server holds for an actor."""
    return f"{actor_uri}#ed25519-key"


def recovery_key(actor_uri: str) -> str:
    """The id of the Ed25519 key that the person holds, and we do not."""
    return f"{actor_uri}#recovery"


def followers_synchronization(followers_url: str) -> str:
    """Where a peer finds those of an actor's followers that are its own people (FEP-8fcf)."""
    return f"{followers_url}_synchronization"
