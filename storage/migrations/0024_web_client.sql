-- What Mastodon's own web client keeps of itself for a person. Only the client knows what it means.
CREATE TABLE web_settings (
    account_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    data       jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Posts that link to collections are shown with them: collections are looked up by their page.
CREATE INDEX collections_url ON collections (url);
