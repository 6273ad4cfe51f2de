-- People's archives: made when they ask, kept for some days.
CREATE TABLE account_archives (
    id           bigint PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    due_at       timestamptz,           -- when a worker looks at it next: to make it, or to drop it
    blob         text,
    bytes        bigint NOT NULL DEFAULT 0,
    posts        int NOT NULL DEFAULT 0,
    made_at      timestamptz,
    failure      text
);
CREATE INDEX account_archives_account ON account_archives (account_id, id);
CREATE INDEX account_archives_due ON account_archives (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX account_archives_blob ON account_archives (blob) WHERE blob IS NOT NULL;

CREATE FUNCTION doubt_archive_blob() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doubtful_blobs (name, due_at)
    SELECT OLD.blob, '-infinity'::timestamptz WHERE OLD.blob IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER archive_blob_left AFTER DELETE OR UPDATE OF blob ON account_archives
    FOR EACH ROW EXECUTE FUNCTION doubt_archive_blob();

-- Who wrote what was brought in, where that was: their old addresses lead to it once it is sure that
-- they are the same person.
ALTER TABLE brought_posts ADD COLUMN former_uri text;
CREATE INDEX brought_posts_old_uri ON brought_posts (old_uri);

-- Archives of other servers that are brought in, by a worker, also over a restart.
CREATE TABLE archive_imports (
    id          bigint PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    blob        text,
    former      text NOT NULL DEFAULT '',
    total       int NOT NULL DEFAULT 0,
    done        int NOT NULL DEFAULT 0,
    failed      int NOT NULL DEFAULT 0,
    reasons     jsonb NOT NULL DEFAULT '{}',
    failure     text,
    created_at  timestamptz NOT NULL,
    due_at      timestamptz,
    finished_at timestamptz
);
CREATE INDEX archive_imports_account ON archive_imports (account_id, id);
CREATE INDEX archive_imports_due ON archive_imports (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX archive_imports_blob ON archive_imports (blob) WHERE blob IS NOT NULL;
CREATE TRIGGER archive_import_blob_left AFTER DELETE OR UPDATE OF blob ON archive_imports
    FOR EACH ROW EXECUTE FUNCTION doubt_archive_blob();
