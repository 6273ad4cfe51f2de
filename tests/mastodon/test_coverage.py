"""How much of the client API there is: a number for each tier, and every tier-1 endpoint."""

import csv
from pathlib import Path

import pytest

from fedserver.app import all_endpoints
from fedserver.cli.coverage import Tier, measure

TABLE = Path(__file__).parents[2].parent / "shared" / "mastodon-api" / "endpoints.tsv"
