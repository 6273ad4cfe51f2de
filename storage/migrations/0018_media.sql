-- compatible: 0001
-- Media whole: what is still to be made of an upload, peers' media kept for a while, link cards,
-- and the names of files that nothing may need any more.

ALTER TABLE media_attachments
    ADD COLUMN state text NOT NULL DEFAULT 'ready' CHECK (state IN ('waiting', 'ready', 'failed')),
    ADD COLUMN source_blob text,             -- as it was uploaded, until something is made of it
    ADD COLUMN claimed_until timestamptz,    -- a worker is at it
    ADD COLUMN tries smallint NOT NULL DEFAULT 0,
    ADD COLUMN failure text;                 -- what the uploader is told
CREATE INDEX media_waiting ON media_attachments (claimed_until NULLS FIRST, id)
    WHERE state = 'waiting';
CREATE INDEX media_source_blob ON media_attachments (source_blob) WHERE source_blob IS NOT NULL;

-- Files to look at again: written before their row, or left by one. Those that no row names go.
CREATE TABLE doubtful_blobs (
    name   text PRIMARY KEY,
    due_at timestamptz NOT NULL
);
CREATE INDEX doubtful_blobs_due ON doubtful_blobs (due_at);

-- Peers' media, kept as long as they are looked at and there is room.
CREATE TABLE remote_media (
    key        bytea PRIMARY KEY,  -- SHA-256 of what was asked for: variant and address
    url        text NOT NULL,
    blob       text,               -- NULL: it could not be had
    bytes      bigint NOT NULL DEFAULT 0,
    fetched_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL
);
CREATE INDEX remote_media_used ON remote_media (used_at);
CREATE INDEX remote_media_blob ON remote_media (blob) WHERE blob IS NOT NULL;

CREATE TABLE preview_cards (
    id            bigint PRIMARY KEY,
    url           text NOT NULL UNIQUE,
    title         text NOT NULL DEFAULT '',
    description   text NOT NULL DEFAULT '',
    type          text NOT NULL DEFAULT 'link' CHECK (type IN ('link', 'photo', 'video', 'rich')),
    language      text,
    author_name   text NOT NULL DEFAULT '',
    author_url    text NOT NULL DEFAULT '',
    author_id     bigint REFERENCES accounts ON DELETE SET NULL,
    provider_name text NOT NULL DEFAULT '',
    provider_url  text NOT NULL DEFAULT '',
    width         integer NOT NULL DEFAULT 0,
    height        integer NOT NULL DEFAULT 0,
    image_url     text,
    image_alt     text NOT NULL DEFAULT '',
    blurhash      text,
    published_at  timestamptz,
    shown         boolean NOT NULL,  -- false: the page gave nothing to show
    fetched_at    timestamptz NOT NULL
);
CREATE INDEX preview_cards_author ON preview_cards (author_id) WHERE author_id IS NOT NULL;

CREATE TABLE status_cards (
    status_id bigint PRIMARY KEY REFERENCES statuses ON DELETE CASCADE,
    card_id   bigint NOT NULL REFERENCES preview_cards ON DELETE CASCADE
);
CREATE INDEX status_cards_card ON status_cards (card_id, status_id DESC);

CREATE TABLE card_wishes (
    status_id bigint PRIMARY KEY REFERENCES statuses ON DELETE CASCADE,
    url       text NOT NULL,
    due_at    timestamptz NOT NULL,
    tries     smallint NOT NULL DEFAULT 0
);
CREATE INDEX card_wishes_due ON card_wishes (due_at);

CREATE FUNCTION doubt_media_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doubtful_blobs (name, due_at)
    SELECT x.name, '-infinity'::timestamptz
    FROM unnest(ARRAY[OLD.blob, OLD.preview_blob, OLD.source_blob]) AS x (name)
    WHERE x.name IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER media_blobs_left
    AFTER DELETE OR UPDATE OF blob, preview_blob, source_blob ON media_attachments
    FOR EACH ROW EXECUTE FUNCTION doubt_media_blobs();

CREATE FUNCTION doubt_remote_blob() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doubtful_blobs (name, due_at)
    SELECT OLD.blob, '-infinity'::timestamptz WHERE OLD.blob IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER remote_blob_left AFTER DELETE OR UPDATE OF blob ON remote_media
    FOR EACH ROW EXECUTE FUNCTION doubt_remote_blob();

CREATE FUNCTION doubt_account_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doubtful_blobs (name, due_at)
    SELECT x.name, '-infinity'::timestamptz
    FROM unnest(ARRAY[OLD.avatar_blob, OLD.header_blob]) AS x (name)
    WHERE x.name IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER account_blobs_left AFTER DELETE OR UPDATE OF avatar_blob, header_blob ON accounts
    FOR EACH ROW WHEN (OLD.avatar_blob IS NOT NULL OR OLD.header_blob IS NOT NULL)
    EXECUTE FUNCTION doubt_account_blobs();
CREATE INDEX accounts_avatar_blob ON accounts (avatar_blob) WHERE avatar_blob IS NOT NULL;
CREATE INDEX accounts_header_blob ON accounts (header_blob) WHERE header_blob IS NOT NULL;
