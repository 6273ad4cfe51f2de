-- compatible: 0025
-- Files of ours that belong into the vault, and which targets have them. `left_at`: no row names the
-- file any more.
CREATE TABLE vault_media (
    name     text PRIMARY KEY,
    targets  text[] NOT NULL DEFAULT '{}',
    complete boolean NOT NULL DEFAULT false,
    left_at  timestamptz
);
CREATE INDEX vault_media_waiting ON vault_media (name) WHERE NOT complete;
CREATE INDEX vault_media_left ON vault_media (left_at) WHERE left_at IS NOT NULL;

CREATE FUNCTION vault_wants_media() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vault_media (name)
    SELECT DISTINCT x.name FROM unnest(ARRAY[NEW.blob, NEW.preview_blob, NEW.source_blob]) AS x (name)
    WHERE x.name IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET left_at = NULL WHERE vault_media.left_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER vault_wants_media AFTER INSERT OR UPDATE OF blob, preview_blob, source_blob
    ON media_attachments FOR EACH ROW
    WHEN (coalesce(NEW.blob, NEW.preview_blob, NEW.source_blob) IS NOT NULL)
    EXECUTE FUNCTION vault_wants_media();

CREATE FUNCTION vault_wants_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vault_media (name)
    SELECT DISTINCT x.name FROM unnest(ARRAY[NEW.avatar_blob, NEW.header_blob]) AS x (name)
    WHERE x.name IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET left_at = NULL WHERE vault_media.left_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER vault_wants_pictures AFTER INSERT OR UPDATE OF avatar_blob, header_blob
    ON accounts FOR EACH ROW
    WHEN (coalesce(NEW.avatar_blob, NEW.header_blob) IS NOT NULL)
    EXECUTE FUNCTION vault_wants_pictures();

CREATE FUNCTION vault_wants_emoji() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vault_media (name) VALUES (NEW.image_blob)
    ON CONFLICT (name) DO UPDATE SET left_at = NULL WHERE vault_media.left_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER vault_wants_emoji AFTER INSERT OR UPDATE OF image_blob
    ON custom_emojis FOR EACH ROW WHEN (NEW.image_blob IS NOT NULL)
    EXECUTE FUNCTION vault_wants_emoji();

INSERT INTO vault_media (name)
SELECT DISTINCT name FROM (
    SELECT unnest(ARRAY[blob, preview_blob, source_blob]) AS name FROM media_attachments
    UNION ALL SELECT unnest(ARRAY[avatar_blob, header_blob]) FROM accounts
    UNION ALL SELECT image_blob FROM custom_emojis
) x WHERE name IS NOT NULL;

-- Restores that were tried out: what they were compared by, and whether all was there.
CREATE TABLE vault_drills (
    id     bigint PRIMARY KEY,
    at     timestamptz NOT NULL,
    proven boolean NOT NULL,
    report jsonb NOT NULL
);
CREATE INDEX vault_drills_proven ON vault_drills (at) WHERE proven;

-- How far an instance that was restored is on its way back (fedserver/survival/vault/returning.py).
CREATE TABLE returns (
    id          bigint PRIMARY KEY,
    restored_at timestamptz NOT NULL,
    -- Of the newest entry that was restored: what happened after it is lost here.
    known_until timestamptz NOT NULL,
    stage       text NOT NULL,
    stage_since timestamptz NOT NULL,
    report      jsonb NOT NULL DEFAULT '{}',
    finished_at timestamptz
);
CREATE UNIQUE INDEX returns_current ON returns ((true)) WHERE finished_at IS NULL;
