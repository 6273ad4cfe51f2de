"""The authorization server's metadata (RFC 8414; Mastodon API: oauth authorization server)."""

from typing import Any

from fedserver.context import Context
from fedserver.routing import endpoint
from fedserver.services.scopes import ALL_SCOPES


@endpoint("GET", "/.well-known/oauth-authorization-server")
async def authorization_server(ctx: Context) -> dict[str, Any]:
    """Tell clients where the endpoints are and what they can do."""
    base = ctx.config.base_url
    return {
        "issuer": f"{base}/",
        "service_documentation": "https://docs.joinmastodon.org/",
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "app_registration_endpoint": f"{base}/api/v1/apps",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "userinfo_endpoint": f"{base}/oauth/userinfo",
        "scopes_supported": list(ALL_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
