-- Other addresses under which a server is reached when its domain is not.

-- The list that we publish: signed once, and given to everybody alike until it is renewed.
CREATE TABLE own_doors (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    alternates text[] NOT NULL,
    sequence   bigint NOT NULL,
    statement  jsonb NOT NULL,
    signed_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Those of peers, and the key that signed the first list that we saw: no other key may change it.
CREATE TABLE peer_doors (
    host         text PRIMARY KEY,
    key_did      text NOT NULL,
    recovery_did text,                     -- may name another key
    alternates   text[] NOT NULL,
    sequence     bigint NOT NULL,
    expires_at   timestamptz NOT NULL,
    learned_at   timestamptz NOT NULL
);
