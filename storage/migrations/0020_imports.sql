-- Lists that people bring from elsewhere (follows, blocks, mutes, lists, bookmarks): one row for
-- each line, done by a worker, so that an import outlives the process that took it.
CREATE TABLE imports (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    kind        text NOT NULL
                CHECK (kind IN ('follows', 'blocks', 'mutes', 'lists', 'bookmarks')),
    overwrite   boolean NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX imports_account ON imports (account_id, id);

CREATE TABLE import_rows (
    id        bigint PRIMARY KEY,
    import_id bigint NOT NULL REFERENCES imports ON DELETE CASCADE,
    entry     jsonb NOT NULL,
    attempts  integer NOT NULL DEFAULT 0,
    due_at    timestamptz,  -- NULL: settled
    failure   text          -- why it was not done
);
CREATE INDEX import_rows_due ON import_rows (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX import_rows_import ON import_rows (import_id, id);
