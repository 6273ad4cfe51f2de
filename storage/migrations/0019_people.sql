-- People come by themselves: sign-ups that wait for a confirmed address or for approval, mails on
-- their way out, second factors, sessions that can be told apart, accounts that are to be deleted.

-- Nobody of these is an account yet: no peer, client or page finds them.
CREATE TABLE sign_ups (
    id                 bigint PRIMARY KEY,
    username           text NOT NULL,
    email              text NOT NULL,
    password_hash      text NOT NULL,
    role               text NOT NULL DEFAULT 'user',
    locale             text NOT NULL DEFAULT 'en',
    reason             text NOT NULL DEFAULT '',
    application_id     bigint REFERENCES oauth_applications ON DELETE SET NULL,
    needs_approval     boolean NOT NULL,
    confirmed_at       timestamptz,
    approved_at        timestamptz,
    created_at         timestamptz NOT NULL
);
CREATE UNIQUE INDEX sign_ups_username ON sign_ups (lower(username));
CREATE UNIQUE INDEX sign_ups_email ON sign_ups (lower(email));
CREATE INDEX sign_ups_created ON sign_ups (created_at);

-- The token that a client was given for a sign-up becomes its account's.
ALTER TABLE oauth_tokens ADD COLUMN sign_up_id bigint REFERENCES sign_ups ON DELETE CASCADE;
CREATE INDEX oauth_tokens_sign_up ON oauth_tokens (sign_up_id) WHERE sign_up_id IS NOT NULL;

-- Links in mails, one use each: they confirm an address or set a new password.
CREATE TABLE mail_links (
    token_hash bytea PRIMARY KEY,
    purpose    text NOT NULL CHECK (purpose IN ('confirm', 'change_email', 'password')),
    account_id bigint REFERENCES users ON DELETE CASCADE,
    sign_up_id bigint REFERENCES sign_ups ON DELETE CASCADE,
    email      text NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK (num_nonnulls(account_id, sign_up_id) = 1)
);
CREATE INDEX mail_links_account ON mail_links (account_id);
CREATE INDEX mail_links_sign_up ON mail_links (sign_up_id);
CREATE INDEX mail_links_expiry ON mail_links (expires_at);

-- Sent by a worker; a row goes when the mail server has taken the mail.
CREATE TABLE mails (
    id              bigint PRIMARY KEY,
    recipient       text NOT NULL,
    subject         text NOT NULL,
    body            text NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error      text,
    created_at      timestamptz NOT NULL
);
CREATE INDEX mails_due ON mails (next_attempt_at);

-- The secret is wrapped with the instance key; a code counts once, so its time step is kept.
ALTER TABLE users
    ADD COLUMN totp_secret           bytea,
    ADD COLUMN totp_enabled_at       timestamptz,
    ADD COLUMN totp_last_step        bigint,
    ADD COLUMN deletion_requested_at timestamptz;
CREATE INDEX users_deletion ON users (deletion_requested_at)
    WHERE deletion_requested_at IS NOT NULL;

CREATE TABLE recovery_codes (
    account_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    code_hash  bytea NOT NULL,
    PRIMARY KEY (account_id, code_hash)
);

CREATE TABLE passkeys (
    id            bigint PRIMARY KEY,
    account_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id bytea NOT NULL UNIQUE,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    name          text NOT NULL,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX passkeys_account ON passkeys (account_id);

ALTER TABLE web_sessions
    ADD COLUMN id         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN user_agent text NOT NULL DEFAULT '',
    ADD COLUMN address    text NOT NULL DEFAULT '';
