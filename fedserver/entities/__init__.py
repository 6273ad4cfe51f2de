"""Rows become Mastodon JSON, in batches: a fixed number of queries, whatever the page."""

from fedserver.entities.accounts import (
    account,
    accounts,
    accounts_of,
    acct,
    credential_account,
    role,
)
from fedserver.entities.announcements import announcements
from fedserver.entities.collections import (
    collection,
    collection_item,
    collection_with_accounts,
    collections,
)
from fedserver.entities.conversations import conversations, notification_requests
from fedserver.entities.emojis import custom_emoji
from fedserver.entities.filters import filter_entity, filter_keyword, filter_status, filter_v1
from fedserver.entities.histories import status_edits, status_source, status_with_text
from fedserver.entities.instance import instance_v1, instance_v2, rules
from fedserver.entities.interaction_requests import interaction_requests
from fedserver.entities.media import media
from fedserver.entities.notifications import Grouping, grouped_notifications, notifications
from fedserver.entities.policies import policy_rules
from fedserver.entities.polls import poll
from fedserver.entities.profiles import profile
from fedserver.entities.reactions import reactions
from fedserver.entities.relationships import relationship, relationships
from fedserver.entities.reports import report
from fedserver.entities.statuses import status, statuses, statuses_of
from fedserver.entities.streamed import NOBODY, Wish, statuses_for_viewers
from fedserver.entities.tags import HISTORY, featured_tag, tag, tags, unused_tag
from fedserver.entities.threads import context
from fedserver.entities.times import timestamp
from fedserver.entities.trends import trending_links

__all__ = [
    "HISTORY",
    "NOBODY",
    "Grouping",
    "Wish",
    "account",
    "accounts",
    "accounts_of",
    "acct",
    "announcements",
    "collection",
    "collection_item",
    "collection_with_accounts",
    "collections",
    "context",
    "conversations",
    "credential_account",
    "custom_emoji",
    "featured_tag",
    "filter_entity",
    "filter_keyword",
    "filter_status",
    "filter_v1",
    "grouped_notifications",
    "instance_v1",
    "instance_v2",
    "interaction_requests",
    "media",
    "notification_requests",
    "notifications",
    "policy_rules",
    "poll",
    "profile",
    "reactions",
    "relationship",
    "relationships",
    "report",
    "role",
    "rules",
    "status",
    "status_edits",
    "status_source",
    "status_with_text",
    "statuses",
    "statuses_for_viewers",
    "statuses_of",
    "tag",
    "tags",
    "timestamp",
    "trending_links",
    "unused_tag",
]
