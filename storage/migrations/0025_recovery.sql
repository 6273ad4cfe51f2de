-- The instance's recovery keys: public halves only. The words are on paper.
CREATE TABLE instance_recovery (
    did           text PRIMARY KEY,
    recipient     text NOT NULL,
    -- The recovery key vouches for the key that the instance signs with while it runs.
    authorization_statement jsonb NOT NULL,
    -- The key before vouches for this one; without it, its words were lost.
    rotation_statement      jsonb,
    created_at    timestamptz NOT NULL,
    retired_at    timestamptz
);
CREATE UNIQUE INDEX instance_recovery_current ON instance_recovery ((true)) WHERE retired_at IS NULL;
