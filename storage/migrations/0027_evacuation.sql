-- The instance goes on under another domain. What was given out under the old one stays as it is.

-- Every address the instance has or had; none: it has been where the configuration says, always.
CREATE TABLE instance_bases (
    base     text PRIMARY KEY,  -- "https://name", without a slash at the end
    ended_at timestamptz        -- NULL: the one of today
);
CREATE UNIQUE INDEX instance_bases_current ON instance_bases ((true)) WHERE ended_at IS NULL;

CREATE FUNCTION rebased(uri text, old_base text, new_base text) RETURNS text
    LANGUAGE sql IMMUTABLE RETURN CASE
        WHEN starts_with(uri, old_base || '/') THEN new_base || substr(uri, length(old_base) + 1)
        ELSE uri END;

-- Where text of ours (HTML, JSON) leads to the old base.
CREATE FUNCTION relinked(body text, old_base text, new_base text) RETURNS text
    LANGUAGE sql IMMUTABLE RETURN replace(body, '"' || old_base || '/', '"' || new_base || '/');

-- The forms that an id of ours may come in: a post made under an old base is known by its old id,
-- and served at the new one under the same path.
CREATE FUNCTION forms_of(uri text) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_append(array_agg(b.base || substr(uri, length(a.base) + 1)), uri)
    FROM instance_bases a, instance_bases b
    WHERE starts_with(uri, a.base || '/') AND b.base <> a.base
$$;

CREATE TABLE evacuations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    old_base    text NOT NULL,
    new_base    text NOT NULL,
    epoch       bigint NOT NULL,
    certificate jsonb,             -- NULL: nobody had the words of the recovery key
    rate        double precision NOT NULL,  -- activities a second, for each peer
    state       text NOT NULL DEFAULT 'preparing'
                CHECK (state IN ('preparing', 'switched', 'sending', 'done')),
    created_at  timestamptz NOT NULL,
    switched_at timestamptz,
    finished_at timestamptz
);
CREATE UNIQUE INDEX evacuations_under_way ON evacuations ((true)) WHERE state <> 'done';

-- Made before the switch, which so takes one short transaction.
CREATE TABLE evacuation_keys (
    evacuation_id   bigint NOT NULL REFERENCES evacuations ON DELETE CASCADE,
    account_id      bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    rsa_public      text NOT NULL,
    rsa_private     bytea NOT NULL,  -- wrapped with the instance key
    ed25519_public  text NOT NULL,
    ed25519_private bytea NOT NULL,
    PRIMARY KEY (evacuation_id, account_id)
);

-- How each peer is spoken to, and its turn.
CREATE TABLE evacuation_peers (
    evacuation_id bigint NOT NULL REFERENCES evacuations ON DELETE CASCADE,
    host          text NOT NULL,
    software      text,
    family        text NOT NULL,
    per_follower  boolean NOT NULL,
    next_at       timestamptz NOT NULL,
    leased_until  timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (evacuation_id, host)
);

-- Who followed at the time of the switch, whether or not the account chooses its followers.
CREATE TABLE evacuation_followers (
    evacuation_id bigint NOT NULL REFERENCES evacuations ON DELETE CASCADE,
    account_id    bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    follower_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    host          text NOT NULL,
    came_at       timestamptz,
    PRIMARY KEY (account_id, follower_id, evacuation_id)
);
CREATE INDEX evacuation_followers_host ON evacuation_followers (evacuation_id, host);
CREATE INDEX evacuation_followers_follower ON evacuation_followers (follower_id);

-- What is to be said; its id is the end of the activity's.
CREATE TABLE evacuation_messages (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evacuation_id bigint NOT NULL REFERENCES evacuations ON DELETE CASCADE,
    host          text NOT NULL,
    inbox_url     text NOT NULL,
    account_id    bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    target_uri    text,               -- of a Follow
    step          text NOT NULL,
    round         smallint NOT NULL,  -- all accounts of one, then those of the next
    place         smallint NOT NULL,  -- of one account in a round
    due_at        timestamptz NOT NULL,
    attempts      smallint NOT NULL DEFAULT 0,
    outcome       text CHECK (outcome IN ('accepted', 'refused', 'not needed', 'given up')),
    reason        text,
    settled_at    timestamptz
);
CREATE INDEX evacuation_messages_lane
    ON evacuation_messages (evacuation_id, host, round, account_id, place, id)
    WHERE outcome IS NULL;
CREATE INDEX evacuation_messages_host ON evacuation_messages (evacuation_id, host);
CREATE INDEX evacuation_messages_account ON evacuation_messages (account_id);

-- Where the instance would go: signed by its recovery key while there is time.
CREATE TABLE successor_statements (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement  jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

-- Whose word counts when a peer is gone: the did of its recovery key, as it was while it lived.
ALTER TABLE hosts ADD COLUMN recovery_did text;
-- Where a peer went on, by the word of that key. The highest epoch counts.
CREATE TABLE peer_evacuations (
    old_host    text PRIMARY KEY,
    new_host    text NOT NULL,
    epoch       bigint NOT NULL,
    certificate jsonb NOT NULL,
    learnt_at   timestamptz NOT NULL
);
