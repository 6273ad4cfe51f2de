-- Notifications in groups, and what of them is filtered; conversations; follows that were severed;
-- announcements.

ALTER TABLE notifications
    ADD COLUMN group_key  text COLLATE "C",  -- NULL: it stands alone
    ADD COLUMN filtered   boolean NOT NULL DEFAULT false,
    ADD COLUMN subject_id bigint;  -- what it is about beside a status: a report, a severance ...

UPDATE notifications SET group_key = CASE type WHEN 'follow' THEN type
        ELSE type || '-' || status_id END
    || '-' || floor(extract(epoch FROM created_at) / 43200)::bigint * 12
WHERE type IN ('favourite', 'reblog', 'follow');

-- One may be told of several reports of one person, and of several collections.
DROP INDEX notifications_once;
CREATE UNIQUE INDEX notifications_once ON notifications
    (account_id, type, from_account_id, coalesce(status_id, subject_id, 0))
    WHERE type NOT IN ('added_to_collection', 'collection_update');
CREATE INDEX notifications_groups ON notifications (account_id, group_key, id)
    WHERE group_key IS NOT NULL;
CREATE INDEX notifications_shown ON notifications (account_id, id) WHERE NOT filtered;
CREATE INDEX notifications_filtered ON notifications (account_id, from_account_id, id)
    WHERE filtered;

-- Whoever writes notifications, the processes that show them at once hear of it; a signal names
-- 300 at most, since its payload is limited.
CREATE FUNCTION tell_of_notifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('fedserver_notifications', ids) FROM (
        SELECT string_agg(id::text, ',' ORDER BY id) AS ids FROM (
            SELECT id, (row_number() OVER (ORDER BY id) - 1) / 300 AS part
            FROM written WHERE NOT filtered
        ) numbered GROUP BY part
    ) parts;
    RETURN NULL;
END
$$;
CREATE TRIGGER notifications_tell AFTER INSERT ON notifications
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_notifications();

-- What a person wants of notifications: accepted, kept apart, or not made at all.
CREATE TABLE notification_policies (
    account_id           bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    for_not_following    text NOT NULL DEFAULT 'accept'
                         CHECK (for_not_following IN ('accept', 'filter', 'drop')),
    for_not_followers    text NOT NULL DEFAULT 'accept'
                         CHECK (for_not_followers IN ('accept', 'filter', 'drop')),
    for_new_accounts     text NOT NULL DEFAULT 'accept'
                         CHECK (for_new_accounts IN ('accept', 'filter', 'drop')),
    for_private_mentions text NOT NULL DEFAULT 'filter'
                         CHECK (for_private_mentions IN ('accept', 'filter', 'drop')),
    for_limited_accounts text NOT NULL DEFAULT 'filter'
                         CHECK (for_limited_accounts IN ('accept', 'filter', 'drop')),
    for_bots             text NOT NULL DEFAULT 'accept'
                         CHECK (for_bots IN ('accept', 'filter', 'drop'))
);

-- Whose notifications a person accepts, whatever the policy says.
CREATE TABLE notification_permissions (
    account_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    from_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, from_account_id)
);
CREATE INDEX notification_permissions_from ON notification_permissions (from_account_id);

-- That there are filtered mentions by somebody, to be accepted or dismissed.
CREATE TABLE notification_requests (
    id              bigint PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    from_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    last_status_id  bigint REFERENCES statuses ON DELETE SET NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (account_id, from_account_id)
);
CREATE INDEX notification_requests_account ON notification_requests (account_id, id);
CREATE INDEX notification_requests_from ON notification_requests (from_account_id);
CREATE INDEX notification_requests_status ON notification_requests (last_status_id)
    WHERE last_status_id IS NOT NULL;

-- Follows that ended for many at once: what one person lost by a block or a suspension.
CREATE TABLE severances (
    id              bigint PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    type            text NOT NULL
                    CHECK (type IN ('domain_block', 'user_domain_block', 'account_suspension')),
    target_name     text NOT NULL,  -- a domain or a handle
    followers_count integer NOT NULL,
    following_count integer NOT NULL,
    purged          boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL
);
CREATE INDEX severances_account ON severances (account_id, id);

CREATE TABLE severed_follows (
    severance_id bigint NOT NULL REFERENCES severances ON DELETE CASCADE,
    other_id     bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    outward      boolean NOT NULL,  -- true: the person followed the other
    show_reblogs boolean NOT NULL,
    notify       boolean NOT NULL,
    languages    text[],
    PRIMARY KEY (severance_id, other_id, outward)
);
CREATE INDEX severed_follows_other ON severed_follows (other_id);

-- One person's view of the direct posts of a thread between the same people.
CREATE TABLE conversations (
    id               bigint PRIMARY KEY,
    account_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    thread_id        bigint NOT NULL,
    participant_ids  bigint[] NOT NULL,  -- the others, in order
    participants_key text NOT NULL,      -- a digest of them
    last_status_id   bigint NOT NULL,
    unread           boolean NOT NULL,
    UNIQUE (account_id, thread_id, participants_key)
);
CREATE INDEX conversations_last ON conversations (account_id, last_status_id);
CREATE INDEX conversations_thread ON conversations (thread_id);

CREATE TABLE conversation_statuses (
    conversation_id bigint NOT NULL REFERENCES conversations ON DELETE CASCADE,
    status_id       bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    PRIMARY KEY (conversation_id, status_id)
);
CREATE INDEX conversation_statuses_status ON conversation_statuses (status_id);

-- However a status is deleted, its conversations show the one before it, or go with the last.
CREATE FUNCTION shorten_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest bigint := (SELECT max(status_id) FROM conversation_statuses
                      WHERE conversation_id = OLD.conversation_id);
BEGIN
    IF newest IS NULL THEN
        DELETE FROM conversations WHERE id = OLD.conversation_id;
    ELSE
        UPDATE conversations SET last_status_id = newest
        WHERE id = OLD.conversation_id AND last_status_id <> newest;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER conversation_statuses_shorten AFTER DELETE ON conversation_statuses
    FOR EACH ROW EXECUTE FUNCTION shorten_conversation();

CREATE FUNCTION tell_of_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('fedserver_conversations', NEW.account_id || ':' || NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER conversations_tell AFTER INSERT OR UPDATE ON conversations
    FOR EACH ROW EXECUTE FUNCTION tell_of_conversation();

-- What the admin tells everybody here.
CREATE TABLE announcements (
    id           bigint PRIMARY KEY,
    text         text NOT NULL,      -- as the admin wrote it
    content      text NOT NULL,      -- clean HTML
    mention_ids  bigint[] NOT NULL DEFAULT '{}',
    tags         text[] NOT NULL DEFAULT '{}',
    status_ids   bigint[] NOT NULL DEFAULT '{}',
    starts_at    timestamptz,
    ends_at      timestamptz,
    all_day      boolean NOT NULL DEFAULT false,
    published_at timestamptz,        -- NULL: a draft
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);

CREATE TABLE announcement_dismissals (
    announcement_id bigint NOT NULL REFERENCES announcements ON DELETE CASCADE,
    account_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (announcement_id, account_id)
);
CREATE INDEX announcement_dismissals_account ON announcement_dismissals (account_id);

CREATE TABLE announcement_reactions (
    announcement_id bigint NOT NULL REFERENCES announcements ON DELETE CASCADE,
    account_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name            text NOT NULL,  -- an emoji, or the shortcode of one of ours
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (announcement_id, account_id, name)
);
CREATE INDEX announcement_reactions_account ON announcement_reactions (account_id);
