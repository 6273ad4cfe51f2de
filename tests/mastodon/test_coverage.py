"""How much of the client API there is: a number for each tier, and every tier-1 endpoint."""

from pathlib import Path

TABLE = Path(__file__).parents[2].parent / "shared" / "mastodon-api" / "endpoints.tsv"
