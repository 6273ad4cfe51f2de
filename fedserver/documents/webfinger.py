"""Local accounts as WebFinger has them."""

from activitypub.webfinger import Handle, jrd
from fedserver.context import Context
from fedserver.uris import Uris
from storage.accounts import AccountRow


def webfinger(ctx: Context, account: AccountRow) -> dict[str, object]:
    """Give the JRD of a local account (RFC 7033), with its pages for people (FEP-3b86)."""
    uris = Uris(ctx.config.base_url)
    return jrd(
        Handle(account.username, ctx.config.instance.domain),
        actor_uri=account.uri,
        profile_url=account.url,
        subscribe_template=uris.interaction("{uri}"),
        avatar_url=uris.media(account.avatar_blob) if account.avatar_blob else None,
        intents={
            intent: uris.interaction("{object}", intent)
            for intent in ("Follow", "Like", "Announce")
        }
        | {"Object": uris.interaction("{object}"), "Create": uris.share("{content}")},
    )
