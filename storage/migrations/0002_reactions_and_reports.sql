-- compatible: 0001
-- Emoji reactions. Who reacts also favourites, so that clients without reactions show it; `liked`
-- tells a favourite that stands by itself from one that goes with the last reaction.
ALTER TABLE favourites ADD COLUMN liked boolean NOT NULL DEFAULT true;

CREATE TABLE emoji_reactions (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    uri        text NOT NULL,
    name       text NOT NULL,            -- an emoji, or the shortcode of a custom one
    image_url  text NOT NULL DEFAULT '', -- of a custom emoji
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, status_id, name, image_url)
);
CREATE INDEX emoji_reactions_status ON emoji_reactions (status_id, id);
CREATE INDEX emoji_reactions_uri ON emoji_reactions (uri);

-- Flags, from people here and from peers. Status ids are kept when the statuses are deleted.
CREATE TABLE reports (
    id              bigint PRIMARY KEY,
    uri             text NOT NULL UNIQUE,
    account_id      bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,  -- who reports
    target_id       bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_ids      bigint[] NOT NULL DEFAULT '{}',
    rule_ids        bigint[],
    comment         text NOT NULL DEFAULT '',
    category        text NOT NULL DEFAULT 'other'
                    CHECK (category IN ('spam', 'legal', 'violation', 'other')),
    forwarded       boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    action_taken_at timestamptz
);
CREATE INDEX reports_account ON reports (account_id, created_at);
CREATE INDEX reports_target ON reports (target_id, id);
CREATE INDEX reports_open ON reports (id) WHERE action_taken_at IS NULL;

-- When the people of a poll were told that it ended; polls that ended before this migration are old
-- news.
ALTER TABLE polls ADD COLUMN told_at timestamptz;
UPDATE polls SET told_at = expires_at WHERE expires_at < now();
-- When peers are to be told the totals that votes have changed.
ALTER TABLE polls ADD COLUMN totals_due_at timestamptz;
CREATE INDEX polls_totals_due ON polls (totals_due_at) WHERE totals_due_at IS NOT NULL;
CREATE INDEX polls_ending ON polls (expires_at) WHERE told_at IS NULL AND expires_at IS NOT NULL;

-- When the featured collection of a remote account was read.
ALTER TABLE accounts ADD COLUMN featured_read_at timestamptz;
CREATE INDEX accounts_featured_unread ON accounts (id)
    WHERE domain IS NOT NULL AND featured_url IS NOT NULL AND featured_read_at IS NULL;
