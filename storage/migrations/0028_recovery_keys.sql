-- A person's recovery key: we hold the public half only. Its row among the keys has what proves that
-- the person holds the other half (FEP-c390), and the age recipient that their kit is sealed to.
ALTER TABLE actor_keys ADD COLUMN recipient text;
ALTER TABLE actor_keys ADD COLUMN statements jsonb NOT NULL DEFAULT '[]';

-- A change that the old key did not sign: it waits, so that the person can call it off.
CREATE TABLE recovery_changes (
    account_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    did        text,            -- NULL: the key is removed
    recipient  text,
    statement  jsonb,
    asked_at   timestamptz NOT NULL,
    due_at     timestamptz NOT NULL
);
CREATE INDEX recovery_changes_due ON recovery_changes (due_at);

-- Recovery keys of peers' people, as their actors showed them. A key counts from `valid_from` to
-- before `valid_until`; it may be withdrawn by its own signature only.
CREATE TABLE recovery_pins (
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    did         text NOT NULL,
    seen_at     timestamptz NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz,
    -- The person spoke by this key: what the account's server says since then does not count.
    spoke_at    timestamptz,
    PRIMARY KEY (account_id, did)
);

-- Followers here that the server of an account with a recovery key sent away. If the person speaks
-- soon after, they follow again.
CREATE TABLE followers_sent_away (
    account_id    bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    follower_id   bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    show_reblogs  boolean NOT NULL,
    notify        boolean NOT NULL,
    languages     text[],
    went_to_id    bigint REFERENCES accounts ON DELETE SET NULL,
    sent_away_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, follower_id)
);
CREATE INDEX followers_sent_away_at ON followers_sent_away (sent_away_at);
CREATE INDEX followers_sent_away_follower ON followers_sent_away (follower_id);
CREATE INDEX followers_sent_away_went_to ON followers_sent_away (went_to_id)
    WHERE went_to_id IS NOT NULL;

-- Sealed kits that wait to be downloaded, one for each person: as last renewed.
CREATE TABLE kits (
    account_id   bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    blob         text,
    bytes        bigint NOT NULL DEFAULT 0,
    did          text,
    with_media   boolean NOT NULL DEFAULT false,
    posts        int NOT NULL DEFAULT 0,
    made_at      timestamptz,
    due_at       timestamptz NOT NULL,
    failure      text
);
CREATE INDEX kits_due ON kits (due_at);
CREATE INDEX kits_blob ON kits (blob) WHERE blob IS NOT NULL;

-- A kit that is being brought in, so that it goes on where it was after a restart.
CREATE TABLE kit_imports (
    account_id    bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    old_uri       text NOT NULL,
    state         jsonb NOT NULL DEFAULT '{}',
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz
);
CREATE INDEX kit_imports_old_uri ON kit_imports (old_uri);

-- A sealed kit that is replaced is looked at by the hourly tidying.
CREATE FUNCTION doubt_kit_blob() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doubtful_blobs (name, due_at)
    SELECT OLD.blob, '-infinity'::timestamptz WHERE OLD.blob IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER kit_blob_left AFTER DELETE OR UPDATE OF blob ON kits
    FOR EACH ROW EXECUTE FUNCTION doubt_kit_blob();

-- What became of the posts of a kit: each is brought in once, and answers find what they answer.
CREATE TABLE brought_posts (
    account_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    old_uri    text NOT NULL,
    status_id  bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    PRIMARY KEY (account_id, old_uri)
);
CREATE INDEX brought_posts_status ON brought_posts (status_id);
