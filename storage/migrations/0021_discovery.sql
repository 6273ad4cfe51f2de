-- What is talked about, and whom one may like to follow.

-- Made anew every few minutes; the best of each kind.
CREATE TABLE trends (
    kind       text NOT NULL CHECK (kind IN ('tag', 'status', 'link')),
    subject_id bigint NOT NULL,
    score      double precision NOT NULL,
    language   text,
    PRIMARY KEY (kind, subject_id)
);
CREATE INDEX trends_score ON trends (kind, score DESC);

-- When trends are made the next time, whichever process does it.
CREATE TABLE trend_runs (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    due_at   timestamptz NOT NULL
);
INSERT INTO trend_runs (due_at) VALUES ('-infinity');

-- What moderators said; of an account: whether its posts may trend.
CREATE TABLE trend_reviews (
    kind        text NOT NULL CHECK (kind IN ('tag', 'status', 'link', 'account')),
    subject_id  bigint NOT NULL,
    allowed     boolean NOT NULL,
    reviewed_at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject_id)
);

-- Whom somebody does not want to be suggested again.
CREATE TABLE dismissed_suggestions (
    account_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    PRIMARY KEY (account_id, target_id)
);
CREATE INDEX dismissed_suggestions_target ON dismissed_suggestions (target_id);

-- Who was here in which week; `week` is its Monday.
CREATE TABLE active_weeks (
    week       date NOT NULL,
    account_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (week, account_id)
);
CREATE INDEX active_weeks_account ON active_weeks (account_id);
CREATE INDEX users_created ON users (created_at);

-- How many statuses completing a thread has brought, for clients that wait for it.
ALTER TABLE thread_backfills ADD COLUMN brought integer NOT NULL DEFAULT 0;

CREATE INDEX accounts_by_activity ON accounts (last_status_at DESC, id)
    WHERE discoverable AND suspended_at IS NULL AND deleted_at IS NULL AND silenced_at IS NULL
      AND moved_to_id IS NULL;
CREATE INDEX accounts_by_age ON accounts (created_at DESC, id)
    WHERE discoverable AND suspended_at IS NULL AND deleted_at IS NULL AND silenced_at IS NULL
      AND moved_to_id IS NULL;
CREATE INDEX accounts_by_followers ON accounts (followers_count DESC, id)
    WHERE discoverable AND suspended_at IS NULL AND deleted_at IS NULL AND silenced_at IS NULL
      AND moved_to_id IS NULL;

-- A year of a person, put together when they ask for it.
CREATE TABLE annual_reports (
    account_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    year       integer NOT NULL,
    data       jsonb NOT NULL,
    read_at    timestamptz,
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, year)
);
