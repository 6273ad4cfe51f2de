-- compatible: 0011
-- Web push: who wants to be told of what, and where; what waits to be sent.

-- The key that push services know us by (RFC 8292). Subscriptions are bound to it: a restore brings
-- both back.
CREATE TABLE push_keys (
    id          smallint PRIMARY KEY CHECK (id = 1),
    public_key  text NOT NULL,   -- an uncompressed point of P-256, base64url
    private_key bytea NOT NULL,  -- wrapped with the instance key
    created_at  timestamptz NOT NULL
);

-- One for each access token, and gone with it.
CREATE TABLE push_subscriptions (
    id           bigint PRIMARY KEY,
    token_id     bigint NOT NULL UNIQUE REFERENCES oauth_tokens ON DELETE CASCADE,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    endpoint     text NOT NULL,
    p256dh       bytea NOT NULL,
    auth         bytea NOT NULL,  -- wrapped with the instance key
    access_token bytea NOT NULL,  -- wrapped: apps find the account by it that a message is for
    standard     boolean NOT NULL DEFAULT false,
    policy       text NOT NULL DEFAULT 'all'
                 CHECK (policy IN ('all', 'followed', 'follower', 'none')),
    alerts       text[] NOT NULL DEFAULT '{}',  -- types of notifications
    created_at   timestamptz NOT NULL
);
CREATE INDEX push_subscriptions_account ON push_subscriptions (account_id);

CREATE TABLE push_deliveries (
    subscription_id bigint NOT NULL REFERENCES push_subscriptions ON DELETE CASCADE,
    notification_id bigint NOT NULL REFERENCES notifications ON DELETE CASCADE,
    attempts        smallint NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,  -- a claim moves it ahead, so that a crash frees it
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, notification_id)
);
CREATE INDEX push_deliveries_due ON push_deliveries (due_at);
CREATE INDEX push_deliveries_notification ON push_deliveries (notification_id);

-- Whoever writes notifications, those that somebody wants pushed wait from then on. What a policy
-- keeps apart (`filtered`) is not pushed; the column is younger than the first notifications.
CREATE FUNCTION push_notifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO push_deliveries (subscription_id, notification_id, due_at, created_at)
    SELECT p.id, w.id, w.created_at, w.created_at
    FROM written w JOIN push_subscriptions p ON p.account_id = w.account_id
    WHERE w.type = ANY (p.alerts)
      AND NOT coalesce((to_jsonb(w) ->> 'filtered')::boolean, false)
      AND CASE p.policy WHEN 'all' THEN true WHEN 'none' THEN false
            WHEN 'followed' THEN EXISTS (
                SELECT 1 FROM follows f WHERE f.account_id = p.account_id
                    AND f.target_id = w.from_account_id AND f.accepted_at IS NOT NULL)
            ELSE EXISTS (
                SELECT 1 FROM follows f WHERE f.account_id = w.from_account_id
                    AND f.target_id = p.account_id AND f.accepted_at IS NOT NULL) END
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM pg_notify('fedserver_push', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notifications_push AFTER INSERT ON notifications
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION push_notifications();
