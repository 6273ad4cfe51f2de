-- What a person keeps for themselves: lists of accounts, how far they have read, notes on others.

CREATE TABLE lists (
    id             bigint PRIMARY KEY,
    account_id     bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    title          text NOT NULL,
    replies_policy text NOT NULL DEFAULT 'list'
                   CHECK (replies_policy IN ('followed', 'list', 'none')),
    exclusive      boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL
);
CREATE INDEX lists_account ON lists (account_id, id);

-- Whom one does not follow any more leaves one's lists with the follow. Oneself may be listed.
CREATE TABLE list_accounts (
    id         bigint PRIMARY KEY,
    list_id    bigint NOT NULL REFERENCES lists ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    follow_id  bigint REFERENCES follows ON DELETE CASCADE,
    UNIQUE (list_id, account_id)
);
CREATE INDEX list_accounts_account ON list_accounts (account_id, list_id);
CREATE INDEX list_accounts_follow ON list_accounts (follow_id) WHERE follow_id IS NOT NULL;

CREATE TABLE markers (
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    timeline     text NOT NULL CHECK (timeline IN ('home', 'notifications')),
    last_read_id bigint NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, timeline)
);

CREATE TABLE account_notes (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    comment    text NOT NULL,
    PRIMARY KEY (account_id, target_id)
);
CREATE INDEX account_notes_target ON account_notes (target_id);
