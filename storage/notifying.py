"""How notifications are written: the one statement that every notice goes through.

It asks who is unwelcome (storage.welcome), what the receiver's policy says (accept, filter or
drop), and which group a notification belongs to (Mastodon API: grouped notifications,
NotificationPolicy).
"""

from storage.query import Command
from storage.welcome import names_unwanted, unwelcome

STAFF = "('moderator', 'admin', 'owner')"
# The types whose notifications form groups (Mastodon API: notifications v2, grouped_types).
GROUPED_TYPES = ("favourite", "follow", "reblog", "admin.sign_up")
# Only these are subject to the policy.
_FILTERABLE = """('mention', 'quote', 'reblog', 'favourite', 'follow', 'follow_request',
    'added_to_collection')"""
# What is about a collection, which is the subject.
COLLECTION_TYPES = "('added_to_collection', 'collection_update')"
# What the server itself says to somebody bears their own name as its cause.
_FROM_ONESELF = "('poll', 'severed_relationships', 'moderation_warning')"
# A group spans twelve hours at most, from the hour of its first notification.
_GROUP_HOURS = 12

_UNWELCOME = unwelcome("w.account_id", "w.from_account_id", "w.status_id", "w.created_at")
_NAMES_UNWANTED = names_unwanted("w.status_id", "w.account_id", "w.created_at", notifications=True)
_WANTED = f"""
    (w.account_id <> w.from_account_id OR w.type IN {_FROM_ONESELF})
    AND NOT {_UNWELCOME} AND (w.type <> 'mention' OR NOT {_NAMES_UNWANTED})"""

_FOLLOWS = """EXISTS (SELECT 1 FROM follows pf
    WHERE pf.account_id = w.account_id AND pf.target_id = w.from_account_id
      AND pf.accepted_at IS NOT NULL OFFSET 0)"""
# Who follows since three days or less does not yet count as a follower.
_FOLLOWED = """EXISTS (SELECT 1 FROM follows pf
    WHERE pf.account_id = w.from_account_id AND pf.target_id = w.account_id
      AND pf.accepted_at <= w.created_at - interval '3 days' OFFSET 0)"""
_PERMITTED = """EXISTS (SELECT 1 FROM notification_permissions np
    WHERE np.account_id = w.account_id AND np.from_account_id = w.from_account_id OFFSET 0)"""
_BY_STAFF = f"""EXISTS (SELECT 1 FROM users su
    WHERE su.account_id = w.from_account_id AND su.role IN {STAFF} OFFSET 0)"""
_A_MONTH_AGO = "w.created_at - interval '30 days'"
_DIRECT = """EXISTS (SELECT 1 FROM statuses ds
    WHERE ds.id = w.status_id AND ds.visibility = 'direct' OFFSET 0)"""
# It answers, however far up, something that the receiver wrote to the sender in private.
_ANSWERS_RECEIVER = """EXISTS (
    WITH RECURSIVE up (id, parent_id, account_id, visibility, depth) AS (
        SELECT s.id, s.in_reply_to_id, s.account_id, s.visibility, 0
        FROM statuses s
        WHERE s.id = (SELECT r.in_reply_to_id FROM statuses r WHERE r.id = w.status_id)
        UNION ALL
        SELECT s.id, s.in_reply_to_id, s.account_id, s.visibility, up.depth + 1
        FROM up JOIN statuses s ON s.id = up.parent_id WHERE up.depth < 100
    )
    SELECT 1 FROM up
    WHERE up.account_id = w.account_id AND up.visibility = 'direct'
      AND EXISTS (SELECT 1 FROM mentions um
                  WHERE um.status_id = up.id AND um.account_id = w.from_account_id
                    AND NOT um.silent))"""


_PRIVATELY = f"(w.type = 'mention' AND {_DIRECT} AND NOT {_ANSWERS_RECEIVER})"
# Each setting of the policy, what it says where nobody has said anything, and whom it is about.
_SETTINGS = (
    ("for_not_following", "accept", f"NOT {_FOLLOWS}"),
    ("for_not_followers", "accept", f"NOT {_FOLLOWED}"),
    ("for_new_accounts", "accept", f"a.created_at > {_A_MONTH_AGO} AND NOT {_FOLLOWS}"),
    ("for_private_mentions", "filter", f"{_PRIVATELY} AND NOT {_FOLLOWS}"),
    ("for_limited_accounts", "filter", f"a.silenced_at IS NOT NULL AND NOT {_FOLLOWS}"),
    ("for_bots", "accept", f"a.actor_type IN ('Service', 'Application') AND NOT {_FOLLOWS}"),
)
_SAID = ",\n".join(
    f"""CASE WHEN coalesce(p.{setting}, '{default}') <> 'accept' AND {condition}
        THEN coalesce(p.{setting}, '{default}') END"""
    for setting, default, condition in _SETTINGS
)
# A drop weighs more than a filter, whichever setting says it.
_VERDICT = f"""CASE
    WHEN w.type NOT IN {_FILTERABLE} OR {_PERMITTED} THEN 'accept'
    WHEN w.type = 'mention' AND {_BY_STAFF} THEN 'accept'
    ELSE (SELECT CASE WHEN 'drop' = ANY (said) THEN 'drop' WHEN 'filter' = ANY (said) THEN 'filter'
                 ELSE 'accept' END FROM (SELECT ARRAY[{_SAID}] AS said OFFSET 0) asked) END"""

_PREFIX = """CASE WHEN j.type IN ('favourite', 'reblog') THEN j.type || '-' || j.status_id
    WHEN j.type IN ('follow', 'admin.sign_up') THEN j.type END"""
_HOUR = "floor(extract(epoch FROM j.created_at) / 3600)::bigint"
# The key of the last group about the same thing, while that is young enough, else a new one. '.' is
# the character after '-'.
_GROUP_KEY = f"""(
    SELECT prefix || '-' || CASE WHEN {_HOUR} < last_hour + {_GROUP_HOURS} THEN last_hour
                            ELSE {_HOUR} END
    FROM (SELECT {_PREFIX} AS prefix) named LEFT JOIN LATERAL (
        SELECT split_part(g.group_key, '-', -1)::bigint AS last_hour FROM notifications g
        WHERE g.account_id = j.account_id AND g.group_key > named.prefix || '-'
          AND g.group_key < named.prefix || '.'
        ORDER BY g.group_key DESC LIMIT 1
    ) last ON true)"""


def recorded(wishes: str) -> str:
    """Give the common table expressions that write the notifications which `wishes` asks for.

    `wishes` selects id, account_id (the receiver), type, from_account_id, status_id, subject_id and
    created_at. Nothing is written for whoever is no person of this instance, blocks or mutes the
    cause, whose policy drops it, or was told before. `made` has what was written.
    """
    return f"""
    wished (id, account_id, type, from_account_id, status_id, subject_id, created_at) AS ({wishes}),
    judged AS MATERIALIZED (
        SELECT w.*, {_VERDICT} AS verdict
        FROM wished w
        JOIN users u ON u.account_id = w.account_id
        JOIN accounts a ON a.id = w.from_account_id
        LEFT JOIN notification_policies p ON p.account_id = w.account_id
        WHERE {_WANTED}
    ), made AS (
        INSERT INTO notifications (id, account_id, type, from_account_id, status_id, subject_id,
            collection_id, created_at, filtered, group_key)
        SELECT j.id, j.account_id, j.type, j.from_account_id, j.status_id, j.subject_id,
            CASE WHEN j.type IN {COLLECTION_TYPES} THEN j.subject_id END, j.created_at,
            j.verdict = 'filter', CASE WHEN j.verdict = 'accept' THEN {_GROUP_KEY} END
        FROM judged j WHERE j.verdict <> 'drop'
        ON CONFLICT DO NOTHING
        RETURNING id, account_id, type, from_account_id, status_id, created_at, filtered
    ), requested AS (
        INSERT INTO notification_requests (id, account_id, from_account_id, last_status_id,
            created_at, updated_at)
        SELECT DISTINCT ON (account_id, from_account_id)
            id, account_id, from_account_id, status_id, created_at, created_at
        FROM made WHERE filtered AND type IN ('mention', 'quote')
        ORDER BY account_id, from_account_id, id
        ON CONFLICT (account_id, from_account_id) DO UPDATE
            SET last_status_id = excluded.last_status_id, updated_at = excluded.updated_at
    )"""


def recording(wishes: str) -> Command:
    """Give the statement that writes the notifications which `wishes` asks for, as `recorded`."""
    return Command(f"WITH {recorded(wishes)} SELECT id FROM made")


# What an act's notices ask for. Arrays: $1 ids, $2 receivers, $3 types; $4 who acted, $5 status or
# NULL, $6 now, $7 what else it is about or NULL.
NOTIFY = recording(
    """
    SELECT n.id, n.account_id, n.type, $4::bigint, $5::bigint, $7::bigint, $6::timestamptz
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS n (id, account_id, type)
    """
)
# Followers who asked to be told of each post of an account. $1 first id, $2 author, $3 status,
# $4 now.
NOTIFY_SUBSCRIBERS = recording(
    """
    SELECT $1::bigint + row_number() OVER (), f.account_id, 'status', $2::bigint, $3::bigint,
        NULL::bigint, $4::timestamptz
    FROM follows f WHERE f.target_id = $2 AND f.notify AND f.accepted_at IS NOT NULL
    """
)
# Who boosted a status is told when it changes, once until the last notice was dismissed.
# $1 first id, $2 who edited, $3 status, $4 now.
NOTIFY_OF_EDIT = recording(
    """
    SELECT $1::bigint + row_number() OVER (), s.account_id, 'update', $2::bigint, $3::bigint,
        NULL::bigint, $4::timestamptz
    FROM statuses s WHERE s.reblog_of_id = $3 AND s.account_id <> $2
    """
)
# Who quoted a status is told when it changes: the notice shows the quote. As above.
NOTIFY_OF_QUOTED_EDIT = recording(
    """
    SELECT $1::bigint + row_number() OVER (), q.account_id, 'quoted_update', $2::bigint,
        q.status_id, NULL::bigint, $4::timestamptz
    FROM quotes q WHERE q.quoted_id = $3 AND q.state = 'accepted' AND q.account_id <> $2
    """
)
# $1 ids, $2 the new followers, $3 whom they follow, $4 now.
NOTIFY_OF_FOLLOWERS = recording(
    """
    SELECT n.id, $3::bigint, 'follow', n.account_id, NULL::bigint, NULL::bigint, $4::timestamptz
    FROM unnest($1::bigint[], $2::bigint[]) AS n (id, account_id)
    """
)
# Who is told of a collection. $1 ids, $2 receivers, $3 type, $4 its owner, $5 collection, $6 now.
NOTIFY_OF_COLLECTION = recording(
    """
    SELECT n.id, n.account_id, $3::text, $4::bigint, NULL::bigint, $5::bigint, $6::timestamptz
    FROM unnest($1::bigint[], $2::bigint[]) AS n (id, account_id)
    """
)
# The moderators of the instance. $1 first id, $2 type, $3 whose act it was, $4 what it is about,
# $5 now.
NOTIFY_STAFF = recording(
    f"""
    SELECT $1::bigint + row_number() OVER (), s.account_id, $2::text, $3::bigint, NULL::bigint,
        $4::bigint, $5::timestamptz
    FROM users s WHERE s.role IN {STAFF} AND s.disabled_at IS NULL AND s.account_id <> $3
    """
)

WITHDRAW_NOTIFICATION = Command(
    """
    DELETE FROM notifications
    WHERE account_id = $1 AND type = $2 AND from_account_id = $3
      AND status_id IS NOT DISTINCT FROM $4
    """
)
WITHDRAW_NOTIFICATIONS_BETWEEN = Command(
    "DELETE FROM notifications WHERE account_id = $1 AND from_account_id = $2"
)
# What somebody had to do with an account that is blocked now: what it caused, what was said of it,
# their conversations. $1 whose, $2 the other.
FORGET_DEALINGS_WITH = Command(
    """
    WITH permission AS (
        DELETE FROM notification_permissions WHERE account_id = $1 AND from_account_id = $2
    ), request AS (
        DELETE FROM notification_requests WHERE account_id = $1 AND from_account_id = $2
    ), talks AS (
        DELETE FROM conversations WHERE account_id = $1 AND $2 = ANY (participant_ids)
    )
    DELETE FROM notifications WHERE account_id = $1 AND from_account_id = $2
    """
)
