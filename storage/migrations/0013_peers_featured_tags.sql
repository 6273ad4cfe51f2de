-- compatible: 0001
-- The hashtags that peers' people show on their profiles: where the list is, and when it was read.
ALTER TABLE accounts
    ADD COLUMN featured_tags_url text,
    ADD COLUMN featured_tags_read_at timestamptz;
CREATE INDEX accounts_featured_tags_due ON accounts (featured_tags_read_at NULLS FIRST, id)
    WHERE domain IS NOT NULL AND featured_tags_url IS NOT NULL;
