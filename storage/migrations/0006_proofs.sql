-- compatible: 0001
-- A peer's key may say when it ends (FEP-521a).
ALTER TABLE actor_keys ADD COLUMN expires_at timestamptz;
