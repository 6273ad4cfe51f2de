"""A sign of life for load balancers, watchers and clients, as Mastodon gives it."""

from fedserver.routing import Reply, endpoint


@endpoint("GET", "/health")
async def health() -> Reply:
    """Say `OK` while this process answers (Mastodon: `GET /health`). It asks nothing of the
    database, so that a slow one does not make a watcher kill the process."""
    return Reply("OK", content_type="text/plain")
