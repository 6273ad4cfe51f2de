-- Instances that keep things for each other: what two agreed on, the sealed chunks that one keeps
-- for the other, and the public objects and media that it gives out when the other is gone.

CREATE TABLE mirror_contracts (
    id             bigint PRIMARY KEY,
    host           text NOT NULL UNIQUE,
    actor_uri      text NOT NULL,          -- the other's instance actor
    state          text NOT NULL CHECK (state IN ('offered', 'asked', 'agreed', 'ended')),
    offer          jsonb,                  -- a signed offer that nobody has answered yet
    offered_by_us  boolean NOT NULL DEFAULT false,
    agreement      jsonb,                  -- an offer and its acceptance, signed by both
    kept_quota     bigint NOT NULL DEFAULT 0,  -- bytes that we keep for the other
    given_quota    bigint NOT NULL DEFAULT 0,  -- bytes that the other keeps for us
    classes        text[] NOT NULL DEFAULT '{}',
    retention_days integer NOT NULL DEFAULT 14,
    recovery_did   text,                   -- the other's recovery key, as it was when we agreed
    kept_bytes     bigint NOT NULL DEFAULT 0,
    activities_sent bigint NOT NULL DEFAULT 0,  -- how far our public posts were brought to the other
    next_try_at    timestamptz,
    failures       integer NOT NULL DEFAULT 0,
    last_error     text,
    created_at     timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL
);
CREATE INDEX mirror_contracts_due ON mirror_contracts (next_try_at) WHERE state = 'agreed';

-- A row for each name; the bytes are a file of the data folder, named by their hash.
CREATE TABLE mirror_chunks (
    id           bigint PRIMARY KEY,
    contract_id  bigint NOT NULL REFERENCES mirror_contracts ON DELETE CASCADE,
    name         text COLLATE "C" NOT NULL,
    class        text NOT NULL CHECK (class IN ('chunks', 'media')),
    sha256       text NOT NULL,
    size         bigint NOT NULL,
    reader_did   text,                     -- whose kit it is: this key may read it, too
    stored_at    timestamptz NOT NULL,
    remove_after timestamptz,              -- somebody asked us to delete it; kept until then
    UNIQUE (contract_id, name)
);
CREATE INDEX mirror_chunks_reader ON mirror_chunks (reader_did, id) WHERE reader_did IS NOT NULL;
CREATE INDEX mirror_chunks_due ON mirror_chunks (remove_after) WHERE remove_after IS NOT NULL;
CREATE INDEX mirror_chunks_content ON mirror_chunks (contract_id, sha256);
CREATE INDEX mirror_chunks_media ON mirror_chunks (name) WHERE class = 'media';

-- Public objects, activities and actors of the other, as it signed them. Without a body: deleted.
CREATE TABLE mirror_objects (
    uri         text PRIMARY KEY,
    contract_id bigint NOT NULL REFERENCES mirror_contracts ON DELETE CASCADE,
    actor_uri   text NOT NULL,
    type        text NOT NULL,
    body        bytea,
    media       text[] NOT NULL DEFAULT '{}',  -- names of the files that it shows
    signed_at   timestamptz NOT NULL,      -- an older one never takes its place
    stored_at   timestamptz NOT NULL
);
CREATE INDEX mirror_objects_contract ON mirror_objects (contract_id);
CREATE INDEX mirror_objects_actor ON mirror_objects (actor_uri, signed_at);
CREATE INDEX mirror_objects_media ON mirror_objects USING gin (media);

-- What this mirror does not give out, whoever keeps it here: a URI, or the host of many.
CREATE TABLE mirror_takedowns (
    subject    text PRIMARY KEY,
    reason     text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);

-- Where a peer said, while it was alive, that its objects can be had when it is not.
ALTER TABLE hosts ADD COLUMN mirrors text[] NOT NULL DEFAULT '{}';
