"""What client applications ask for: registration, tokens, and who has signed in (RFC 6749)."""

from fedserver.oauth import apps, introspection, metadata, tokens, userinfo

__all__ = ["apps", "introspection", "metadata", "tokens", "userinfo"]
