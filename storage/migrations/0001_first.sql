-- The first schema. Ids are 63-bit numbers that grow with time (fedserver.ids).
-- A `uri` is an ActivityPub id, stored whole and never rebuilt from the configured domain.

-- What is known of each peer; it cannot be learnt again from a dead origin.
CREATE TABLE hosts (
    host             text PRIMARY KEY,
    software         text,
    software_version text,
    nodeinfo_at      timestamptz,
    -- Which signatures it takes: what its inboxes have proved, and what its documents have. A peer
    -- may read one kind and silently drop the other.
    dialect          text NOT NULL DEFAULT 'cavage' CHECK (dialect IN ('cavage', 'rfc9421')),
    fetch_dialect    text NOT NULL DEFAULT 'cavage' CHECK (fetch_dialect IN ('cavage', 'rfc9421')),
    first_seen_at    timestamptz NOT NULL,
    last_success_at  timestamptz,
    last_failure_at  timestamptz,
    last_error       text,
    failures         integer NOT NULL DEFAULT 0,
    -- A lane: who delivers to this host now, and when it may be tried next.
    leased_until     timestamptz,
    next_try_at      timestamptz,
    gone_at          timestamptz
);

CREATE INDEX hosts_next_try ON hosts (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX hosts_nodeinfo ON hosts (nodeinfo_at NULLS FIRST) WHERE gone_at IS NULL;

-- An account outlives its address: every foreign key points here. The columns from `uri` to
-- `featured_url` repeat its live identity, so that reading needs no join.
CREATE TABLE accounts (
    id                 bigint PRIMARY KEY,
    uri                text NOT NULL UNIQUE,
    username           text NOT NULL,
    domain             text,  -- NULL: an account of this instance
    url                text NOT NULL,
    inbox_url          text NOT NULL,
    shared_inbox_url   text,
    outbox_url         text,
    followers_url      text,
    following_url      text,
    featured_url       text,
    actor_type         text NOT NULL DEFAULT 'Person',
    display_name       text NOT NULL DEFAULT '',
    note               text NOT NULL DEFAULT '',      -- clean HTML
    note_source        text NOT NULL DEFAULT '',      -- what its owner typed
    fields             jsonb NOT NULL DEFAULT '[]',   -- [{name, value, source, verified_at}]
    emojis             jsonb NOT NULL DEFAULT '[]',   -- [{shortcode, url, static_url}]
    avatar_blob        text,
    avatar_remote_url  text,
    header_blob        text,
    header_remote_url  text,
    locked             boolean NOT NULL DEFAULT false,
    discoverable       boolean,
    indexable          boolean NOT NULL DEFAULT false,
    hide_collections   boolean NOT NULL DEFAULT false,
    memorial           boolean NOT NULL DEFAULT false,
    also_known_as      text[] NOT NULL DEFAULT '{}',
    moved_to_id        bigint REFERENCES accounts ON DELETE SET NULL,
    suspended_at       timestamptz,
    silenced_at        timestamptz,
    deleted_at         timestamptz,  -- its actor answers 410 with a Tombstone from then on
    followers_count    integer NOT NULL DEFAULT 0,
    following_count    integer NOT NULL DEFAULT 0,
    statuses_count     integer NOT NULL DEFAULT 0,
    last_status_id     bigint,
    last_status_at     timestamptz,
    created_at         timestamptz NOT NULL,
    fetched_at         timestamptz,  -- when a remote actor was last read
    sanitiser_version  smallint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX accounts_local_name ON accounts (lower(username)) WHERE domain IS NULL;
-- Not unique: a reinstalled peer reuses a handle with a new id, and the two must not merge.
CREATE INDEX accounts_handle ON accounts (lower(username) text_pattern_ops, domain);
CREATE INDEX accounts_display_name ON accounts (lower(display_name) text_pattern_ops);
CREATE INDEX accounts_domain ON accounts (domain) WHERE domain IS NOT NULL;
CREATE INDEX accounts_url ON accounts USING hash (url);
CREATE INDEX accounts_shared_inbox ON accounts USING hash (shared_inbox_url);
CREATE INDEX accounts_moved_to ON accounts (moved_to_id) WHERE moved_to_id IS NOT NULL;

-- Every ActivityPub identity an account has or had.
CREATE TABLE identities (
    uri              text PRIMARY KEY,
    account_id       bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    username         text NOT NULL,
    domain           text,
    inbox_url        text NOT NULL,
    shared_inbox_url text,
    state            text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'zombie', 'moved')),
    created_at       timestamptz NOT NULL
);
CREATE INDEX identities_account ON identities (account_id);

CREATE TABLE actor_keys (
    uri          text PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    identity_uri text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('rsa', 'ed25519', 'recovery')),
    public_key   text NOT NULL,  -- PEM
    private_key  bytea,          -- PEM, wrapped with the instance key; NULL where we do not hold it
    created_at   timestamptz NOT NULL,
    fetched_at   timestamptz
);
CREATE INDEX actor_keys_account ON actor_keys (account_id);

-- The people who can sign in here.
CREATE TABLE users (
    account_id          bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    email               text NOT NULL,
    password_hash       text NOT NULL,
    role                text NOT NULL DEFAULT 'user'
                        CHECK (role IN ('user', 'moderator', 'admin', 'owner')),
    locale              text NOT NULL DEFAULT 'en',
    default_visibility  text NOT NULL DEFAULT 'public'
                        CHECK (default_visibility IN ('public', 'unlisted', 'private')),
    default_sensitive   boolean NOT NULL DEFAULT false,
    default_language    text,
    confirmed_at        timestamptz,
    approved_at         timestamptz,
    disabled_at         timestamptz,
    created_at          timestamptz NOT NULL,
    last_active_at      timestamptz NOT NULL,
    home_built_at       timestamptz  -- NULL: the home timeline must be rebuilt before it is read
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- One-time links: the first admin's sign-up.
CREATE TABLE invitations (
    token_hash bytea PRIMARY KEY,
    role       text NOT NULL DEFAULT 'user',
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    used_at    timestamptz
);

CREATE TABLE oauth_applications (
    id            bigint PRIMARY KEY,
    client_id     text NOT NULL UNIQUE,
    secret_hash   bytea NOT NULL,
    name          text NOT NULL,
    website       text,
    redirect_uris text[] NOT NULL,
    scopes        text NOT NULL,
    created_at    timestamptz NOT NULL
);

CREATE TABLE oauth_codes (
    code_hash             bytea PRIMARY KEY,
    application_id        bigint NOT NULL REFERENCES oauth_applications ON DELETE CASCADE,
    account_id            bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    redirect_uri          text NOT NULL,
    scopes                text NOT NULL,
    code_challenge        text,
    code_challenge_method text,
    created_at            timestamptz NOT NULL,
    expires_at            timestamptz NOT NULL
);

CREATE TABLE oauth_tokens (
    id             bigint PRIMARY KEY,
    token_hash     bytea NOT NULL UNIQUE,
    application_id bigint NOT NULL REFERENCES oauth_applications ON DELETE CASCADE,
    account_id     bigint REFERENCES accounts ON DELETE CASCADE,  -- NULL: client credentials
    scopes         text NOT NULL,
    created_at     timestamptz NOT NULL,
    last_used_at   timestamptz
);
CREATE INDEX oauth_tokens_account ON oauth_tokens (account_id);
CREATE INDEX oauth_tokens_application ON oauth_tokens (application_id);

CREATE TABLE web_sessions (
    token_hash bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX web_sessions_account ON web_sessions (account_id);

-- Notes and all that is shown as one, and boosts (reblog_of_id), whose uri is the Announce's.
CREATE TABLE statuses (
    id                     bigint PRIMARY KEY,
    uri                    text NOT NULL UNIQUE,
    url                    text NOT NULL,
    account_id             bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    local                  boolean NOT NULL,
    object_type            text NOT NULL DEFAULT 'Note',
    visibility             text NOT NULL
                           CHECK (visibility IN ('public', 'unlisted', 'private', 'direct')),
    reblog_of_id           bigint REFERENCES statuses ON DELETE CASCADE,
    in_reply_to_id         bigint REFERENCES statuses ON DELETE SET NULL,
    in_reply_to_account_id bigint,
    in_reply_to_uri        text,            -- kept when the answered object is not known
    thread_id              bigint NOT NULL, -- id of the first known status of the thread
    content                text NOT NULL DEFAULT '',  -- clean HTML
    source                 text NOT NULL DEFAULT '',  -- what its author typed
    spoiler_text           text NOT NULL DEFAULT '',
    sensitive              boolean NOT NULL DEFAULT false,
    language               text,
    emojis                 jsonb NOT NULL DEFAULT '[]',
    application_id         bigint REFERENCES oauth_applications ON DELETE SET NULL,
    replies_count          integer NOT NULL DEFAULT 0,
    reblogs_count          integer NOT NULL DEFAULT 0,
    favourites_count       integer NOT NULL DEFAULT 0,
    created_at             timestamptz NOT NULL,
    edited_at              timestamptz,
    pinned_at              timestamptz,
    sanitiser_version      smallint NOT NULL DEFAULT 1
);
CREATE INDEX statuses_url ON statuses USING hash (url);
CREATE INDEX statuses_account ON statuses (account_id, id);
CREATE UNIQUE INDEX statuses_reblog ON statuses (reblog_of_id, account_id) WHERE reblog_of_id IS NOT NULL;
CREATE INDEX statuses_reblogs_by_time ON statuses (reblog_of_id, id)
    WHERE reblog_of_id IS NOT NULL;
CREATE INDEX statuses_reply ON statuses (in_reply_to_id) WHERE in_reply_to_id IS NOT NULL;
CREATE INDEX statuses_orphan ON statuses (in_reply_to_uri)
    WHERE in_reply_to_uri IS NOT NULL AND in_reply_to_id IS NULL;
CREATE INDEX statuses_public ON statuses (id)
    WHERE visibility = 'public' AND reblog_of_id IS NULL
      AND (in_reply_to_account_id IS NULL OR in_reply_to_account_id = account_id);
CREATE INDEX statuses_public_local ON statuses (id)
    WHERE visibility = 'public' AND reblog_of_id IS NULL AND local
      AND (in_reply_to_account_id IS NULL OR in_reply_to_account_id = account_id);
CREATE INDEX statuses_pinned ON statuses (account_id, pinned_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX statuses_application ON statuses (application_id) WHERE application_id IS NOT NULL;

-- What is deleted stays dead, and answers 410 with a Tombstone.
CREATE TABLE tombstones (
    uri         text PRIMARY KEY,
    account_id  bigint REFERENCES accounts ON DELETE SET NULL,
    former_type text NOT NULL DEFAULT 'Note',
    visibility  text NOT NULL DEFAULT 'public',
    deleted_at  timestamptz NOT NULL
);
CREATE INDEX tombstones_account ON tombstones (account_id);

CREATE TABLE status_edits (
    id           bigint PRIMARY KEY,
    status_id    bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    content      text NOT NULL,
    source       text NOT NULL,
    spoiler_text text NOT NULL,
    sensitive    boolean NOT NULL,
    media        jsonb NOT NULL DEFAULT '[]',
    poll_options jsonb,
    created_at   timestamptz NOT NULL
);
CREATE INDEX status_edits_status ON status_edits (status_id, id);

CREATE TABLE mentions (
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    silent     boolean NOT NULL DEFAULT false,  -- addressed, but not named in the text
    PRIMARY KEY (status_id, account_id)
);
CREATE INDEX mentions_account ON mentions (account_id, status_id);

CREATE TABLE tags (
    id           bigint PRIMARY KEY,
    name         text NOT NULL UNIQUE,  -- lower case
    display_name text NOT NULL,
    created_at   timestamptz NOT NULL
);

CREATE INDEX tags_prefix ON tags (name text_pattern_ops);

CREATE TABLE status_tags (
    status_id bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    tag_id    bigint NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (status_id, tag_id)
);
CREATE INDEX status_tags_tag ON status_tags (tag_id, status_id);

CREATE TABLE media_attachments (
    id                 bigint PRIMARY KEY,
    account_id         bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id          bigint REFERENCES statuses ON DELETE CASCADE,  -- NULL: not yet posted
    position           smallint NOT NULL DEFAULT 0,
    type               text NOT NULL
                       CHECK (type IN ('image', 'gifv', 'video', 'audio', 'unknown')),
    media_type         text,
    blob               text,
    preview_blob       text,
    remote_url         text,
    preview_remote_url text,
    description        text,
    blurhash           text,
    meta               jsonb NOT NULL DEFAULT '{}',  -- {original, small, focus}
    created_at         timestamptz NOT NULL
);
CREATE INDEX media_status ON media_attachments (status_id, position) WHERE status_id IS NOT NULL;
CREATE INDEX media_account ON media_attachments (account_id, id);
CREATE INDEX media_blob ON media_attachments (blob) WHERE blob IS NOT NULL;
CREATE INDEX media_preview_blob ON media_attachments (preview_blob)
    WHERE preview_blob IS NOT NULL;
CREATE INDEX media_unposted ON media_attachments (created_at) WHERE status_id IS NULL;

CREATE TABLE polls (
    id           bigint PRIMARY KEY,
    status_id    bigint NOT NULL UNIQUE REFERENCES statuses ON DELETE CASCADE,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    options      text[] NOT NULL,
    votes        integer[] NOT NULL,
    voters_count integer,
    multiple     boolean NOT NULL DEFAULT false,
    hide_totals  boolean NOT NULL DEFAULT false,
    expires_at   timestamptz,
    closed_at    timestamptz
);

CREATE TABLE poll_votes (
    poll_id    bigint NOT NULL REFERENCES polls ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    choice     smallint NOT NULL,
    uri        text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (poll_id, account_id, choice)
);
CREATE INDEX poll_votes_account ON poll_votes (account_id);

-- A follow and its request are one row: it counts from `accepted_at`, which only the target's own
-- Accept (or the target's being local) sets.
CREATE TABLE follows (
    id           bigint PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id    bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    uri          text NOT NULL,
    accepted_at  timestamptz,
    show_reblogs boolean NOT NULL DEFAULT true,
    notify       boolean NOT NULL DEFAULT false,
    languages    text[],
    created_at   timestamptz NOT NULL,
    UNIQUE (account_id, target_id)
);
CREATE INDEX follows_target ON follows (target_id, id);
CREATE INDEX follows_account ON follows (account_id, id);
CREATE INDEX follows_uri ON follows (uri);

CREATE TABLE blocks (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    uri        text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, target_id)
);
CREATE INDEX blocks_target ON blocks (target_id, account_id);

CREATE TABLE mutes (
    id                 bigint PRIMARY KEY,
    account_id         bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_id          bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    hide_notifications boolean NOT NULL DEFAULT true,
    expires_at         timestamptz,
    created_at         timestamptz NOT NULL,
    UNIQUE (account_id, target_id)
);
CREATE INDEX mutes_target ON mutes (target_id);

CREATE TABLE favourites (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    uri        text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, status_id)
);
CREATE INDEX favourites_status ON favourites (status_id, id);
CREATE INDEX favourites_account ON favourites (account_id, id);
CREATE INDEX favourites_uri ON favourites (uri);

CREATE TABLE bookmarks (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, status_id)
);
CREATE INDEX bookmarks_status ON bookmarks (status_id);
CREATE INDEX bookmarks_account ON bookmarks (account_id, id);

CREATE TABLE notifications (
    id              bigint PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    type            text NOT NULL,
    from_account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id       bigint REFERENCES statuses ON DELETE CASCADE,
    created_at      timestamptz NOT NULL
);
CREATE INDEX notifications_account ON notifications (account_id, id);
CREATE INDEX notifications_from ON notifications (from_account_id);
CREATE INDEX notifications_status ON notifications (status_id) WHERE status_id IS NOT NULL;
-- The same act never notifies twice (an edit may notify again after the last was dismissed).
CREATE UNIQUE INDEX notifications_once ON notifications
    (account_id, type, from_account_id, coalesce(status_id, 0));

-- Home timelines are written on delivery, for local accounts that were active lately.
CREATE TABLE home_entries (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    PRIMARY KEY (account_id, status_id)
);
CREATE INDEX home_entries_status ON home_entries (status_id);

CREATE TABLE custom_emojis (
    id                bigint PRIMARY KEY,
    shortcode         text NOT NULL,
    domain            text,
    uri               text,
    image_blob        text,
    image_remote_url  text,
    visible_in_picker boolean NOT NULL DEFAULT true,
    category          text,
    disabled          boolean NOT NULL DEFAULT false,
    updated_at        timestamptz NOT NULL
);
CREATE UNIQUE INDEX custom_emojis_name ON custom_emojis (shortcode, coalesce(domain, ''));

-- A client's POST with this key was done: the same key gives the same status.
CREATE TABLE idempotency_keys (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key        text NOT NULL,
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_status ON idempotency_keys (status_id);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Received activities: durable before the 202, processed once, ending with a kept outcome.
CREATE TABLE inbox_items (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    activity_uri text NOT NULL UNIQUE,
    actor_uri    text NOT NULL,
    type         text NOT NULL,
    body         bytea NOT NULL,
    received_at  timestamptz NOT NULL,
    attempts     smallint NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,       -- a claim moves it ahead, so that a crash frees it
    outcome      text CHECK (outcome IN ('done', 'ignored', 'duplicate', 'refused', 'failed')),
    reason       text,
    processed_at timestamptz
);
CREATE INDEX inbox_items_due ON inbox_items (next_try_at, id) WHERE outcome IS NULL;
CREATE INDEX inbox_items_done ON inbox_items (processed_at) WHERE outcome IS NOT NULL;

-- Activities of our people, under stable URIs.
CREATE TABLE outbox_activities (
    id         bigint PRIMARY KEY,
    uri        text NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    type       text NOT NULL,
    document   bytea NOT NULL,
    listed     boolean NOT NULL,   -- shown in the outbox collection: public Create and Announce
    status_id  bigint,             -- what may see the activity may see it: NULL = addressees only
    created_at timestamptz NOT NULL
);
CREATE INDEX outbox_activities_listed ON outbox_activities (account_id, id) WHERE listed;
CREATE INDEX outbox_activities_status ON outbox_activities (status_id) WHERE status_id IS NOT NULL;

-- One row for each activity and inbox URL that still waits.
CREATE TABLE deliveries (
    activity_id bigint NOT NULL REFERENCES outbox_activities ON DELETE CASCADE,
    inbox_url   text NOT NULL,
    host        text NOT NULL,
    attempts    smallint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (activity_id, inbox_url)
);
CREATE INDEX deliveries_lane ON deliveries (host, activity_id);
