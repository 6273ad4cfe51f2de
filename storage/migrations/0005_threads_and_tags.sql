-- compatible: 0001
-- Threads that are whole, and the hashtags that people show on their profiles.

-- The collections that a peer's status names: more of its thread is there.
CREATE TABLE status_collections (
    status_id   bigint PRIMARY KEY REFERENCES statuses ON DELETE CASCADE,
    replies_uri text,
    context_uri text
);

-- Threads that are to be completed, or were: at most once in a while each.
CREATE TABLE thread_backfills (
    thread_id bigint PRIMARY KEY,
    status_id bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,  -- where to begin
    due_at    timestamptz,  -- NULL: done; a claim moves it ahead, so that a crash frees it
    asked_at  timestamptz NOT NULL
);
CREATE INDEX thread_backfills_due ON thread_backfills (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX thread_backfills_status ON thread_backfills (status_id);

CREATE INDEX statuses_thread ON statuses (thread_id, id) WHERE reblog_of_id IS NULL;

CREATE TABLE featured_tags (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tag_id     bigint NOT NULL REFERENCES tags ON DELETE CASCADE,
    name       text NOT NULL,  -- as its owner writes it
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, tag_id)
);
CREATE INDEX featured_tags_tag ON featured_tags (tag_id);
