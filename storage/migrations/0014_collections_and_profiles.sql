-- Collections of accounts (FEP-7aa9), endorsements, and what profiles say since.

ALTER TABLE accounts
    ADD COLUMN avatar_description text NOT NULL DEFAULT '',
    ADD COLUMN header_description text NOT NULL DEFAULT '',
    ADD COLUMN show_media boolean NOT NULL DEFAULT true,
    ADD COLUMN show_media_replies boolean NOT NULL DEFAULT true,
    ADD COLUMN show_featured boolean NOT NULL DEFAULT true,
    ADD COLUMN attribution_domains text[] NOT NULL DEFAULT '{}',
    -- Who may put a peer's account in a collection: bits as in storage/feature_rights.py. Of our
    -- people their other settings say it.
    ADD COLUMN feature_policy smallint NOT NULL DEFAULT 0,
    -- Where a peer's account lists its collections, and when that was read.
    ADD COLUMN collections_url text,
    ADD COLUMN collections_read_at timestamptz;

-- Whom somebody recommends on their profile.
CREATE TABLE endorsements (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, target_id)
);
CREATE INDEX endorsements_target ON endorsements (target_id);

-- The description is plain text of our people, and cleaned HTML of others.
CREATE TABLE collections (
    id           bigint PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    uri          text NOT NULL UNIQUE,
    url          text NOT NULL,
    name         text NOT NULL,
    description  text NOT NULL,
    language     text,
    sensitive    boolean NOT NULL,
    discoverable boolean NOT NULL,
    tag_id       bigint REFERENCES tags ON DELETE SET NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX collections_account ON collections (account_id, id);
CREATE INDEX collections_tag ON collections (tag_id) WHERE tag_id IS NOT NULL;

-- Accounts in collections. Only what their owner consented to is shown; `uri` is unknown where
-- one of our people consented and the peer has not said yet that it is done.
CREATE TABLE collection_items (
    id                bigint PRIMARY KEY,
    collection_id     bigint NOT NULL REFERENCES collections ON DELETE CASCADE,
    account_id        bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    uri               text,
    state             text NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'revoked')),
    position          integer NOT NULL,
    request_uri       text,
    authorization_uri text,
    created_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    UNIQUE (collection_id, account_id)
);
CREATE INDEX collection_items_account ON collection_items (account_id, id);
CREATE INDEX collection_items_request ON collection_items (request_uri)
    WHERE request_uri IS NOT NULL;
CREATE INDEX collection_items_authorization ON collection_items (authorization_uri)
    WHERE authorization_uri IS NOT NULL;
CREATE INDEX collection_items_waiting ON collection_items (changed_at) WHERE state <> 'accepted';

-- One may be told of several collections of one person.
ALTER TABLE notifications ADD COLUMN collection_id bigint REFERENCES collections ON DELETE CASCADE;
CREATE INDEX notifications_collection ON notifications (collection_id)
    WHERE collection_id IS NOT NULL;
DROP INDEX notifications_once;
CREATE UNIQUE INDEX notifications_once ON notifications
    (account_id, type, from_account_id, coalesce(status_id, 0)) WHERE collection_id IS NULL;
CREATE UNIQUE INDEX notifications_once_of_collection ON notifications
    (account_id, type, collection_id) WHERE collection_id IS NOT NULL;

-- Collections that a post links to.
CREATE TABLE linked_collections (
    status_id     bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    collection_id bigint NOT NULL REFERENCES collections ON DELETE CASCADE,
    PRIMARY KEY (status_id, collection_id)
);
CREATE INDEX linked_collections_collection ON linked_collections (collection_id);
ALTER TABLE statuses ADD COLUMN links_collections boolean NOT NULL DEFAULT false;
