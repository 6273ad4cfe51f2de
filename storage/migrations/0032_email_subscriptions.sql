-- Somebody's public posts by mail, to addresses that need no account.
ALTER TABLE users ADD COLUMN email_subscriptions boolean NOT NULL DEFAULT false;

CREATE TABLE email_subscriptions (
    id           bigint PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    email        text NOT NULL,
    confirmed_at timestamptz,
    created_at   timestamptz NOT NULL,
    UNIQUE (account_id, email)
);
CREATE INDEX email_subscriptions_unconfirmed ON email_subscriptions (created_at)
    WHERE confirmed_at IS NULL;

-- Posts that are mailed soon: those of some minutes together.
CREATE TABLE email_posts (
    status_id  bigint PRIMARY KEY REFERENCES statuses ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    due_at     timestamptz NOT NULL
);
CREATE INDEX email_posts_account ON email_posts (account_id);
CREATE INDEX email_posts_due ON email_posts (due_at);

-- How the receiver ends it with one press (RFC 8058).
ALTER TABLE mails ADD COLUMN unsubscribe_url text;
