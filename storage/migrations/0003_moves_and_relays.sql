-- compatible: 0001
-- Accounts that move, followers that are compared with peers (FEP-8fcf), relays (FEP-ae0c).

-- When the followers of an account were last moved along; `moved_to_id` alone is only a signpost.
ALTER TABLE accounts ADD COLUMN moved_at timestamptz;

-- What the whole instance is in the midst of; a row for each. 'restore_incomplete': not all of a
-- backup is back, so that our lists are shorter than they were, and nobody may trust them.
CREATE TABLE conditions (
    name  text PRIMARY KEY CHECK (name IN ('restore_incomplete')),
    since timestamptz NOT NULL
);

-- Peers whose digest of an account's followers here differs from ours: to be compared.
CREATE TABLE followers_comparisons (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    url        text NOT NULL,  -- the peer's partial collection
    digest     text NOT NULL,
    due_at     timestamptz NOT NULL  -- a claim moves it ahead, so that a crash frees it
);
CREATE INDEX followers_comparisons_due ON followers_comparisons (due_at);

CREATE TABLE relays (
    id           bigint PRIMARY KEY,
    inbox_url    text NOT NULL UNIQUE,
    actor_uri    text,  -- of a Mastodon-style relay known only from its first answer
    audience_url text,  -- the followers of a LitePub-style relay
    style        text NOT NULL CHECK (style IN ('mastodon', 'litepub')),
    follow_uri   text NOT NULL UNIQUE,
    state        text NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'accepted', 'rejected')),
    created_at   timestamptz NOT NULL
);
CREATE UNIQUE INDEX relays_actor ON relays (actor_uri) WHERE actor_uri IS NOT NULL;
