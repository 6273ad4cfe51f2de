-- compatible: 0001
-- Quotes and the consent to them (FEP-044f); who may do what with a status.

-- Who may quote: bits 4 to 7 for whom it is granted at once, bits 0 to 3 for whom somebody decides;
-- of each four: somebody we cannot name, everybody, followers, followed (storage.quotes).
ALTER TABLE statuses ADD COLUMN quote_policy smallint NOT NULL DEFAULT 0;
ALTER TABLE statuses ADD COLUMN quotes_count integer NOT NULL DEFAULT 0;
-- What a peer allows: {"reply": {"automatic": [ids], "manual": [ids]}, "like": ..., "announce": ...}
ALTER TABLE statuses ADD COLUMN interaction_policy jsonb;
-- Who may quote a person's new statuses, where they do not say.
ALTER TABLE users ADD COLUMN default_quote_policy text NOT NULL DEFAULT 'public'
    CHECK (default_quote_policy IN ('public', 'followers', 'nobody'));

CREATE TABLE quotes (
    status_id         bigint PRIMARY KEY REFERENCES statuses ON DELETE CASCADE,  -- what quotes
    account_id        bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    quoted_uri        text,           -- NULL: it was deleted before we knew of it
    quoted_id         bigint REFERENCES statuses ON DELETE SET NULL,
    quoted_account_id bigint REFERENCES accounts ON DELETE SET NULL,
    state             text NOT NULL
                      CHECK (state IN ('pending', 'accepted', 'rejected', 'revoked', 'deleted')),
    legacy            boolean NOT NULL DEFAULT false,  -- said in a way that knows no consent
    request_uri       text,           -- the QuoteRequest
    authorization_uri text,           -- the QuoteAuthorization; claimed only while it is pending
    asked_at          timestamptz,    -- when a claimed one was last asked for
    created_at        timestamptz NOT NULL
);
CREATE INDEX quotes_quoted ON quotes (quoted_id, status_id) WHERE quoted_id IS NOT NULL;
CREATE INDEX quotes_unknown ON quotes (quoted_uri) WHERE quoted_id IS NULL;
CREATE INDEX quotes_request ON quotes (request_uri) WHERE request_uri IS NOT NULL;
CREATE INDEX quotes_authorization ON quotes (authorization_uri)
    WHERE authorization_uri IS NOT NULL;
CREATE INDEX quotes_claimed ON quotes (asked_at NULLS FIRST)
    WHERE state = 'pending' AND authorization_uri IS NOT NULL AND quoted_id IS NOT NULL;
CREATE INDEX quotes_account ON quotes (account_id);
CREATE INDEX quotes_quoted_account ON quotes (quoted_account_id)
    WHERE quoted_account_id IS NOT NULL;

-- Likes, boosts and replies of our people that wait for the consent of a peer's, or have it.
CREATE TABLE interaction_requests (
    uri               text PRIMARY KEY,  -- the LikeRequest, ReplyRequest or AnnounceRequest
    account_id        bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    status_id         bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,  -- what is acted upon
    interaction_uri   text NOT NULL,     -- the Like, the Announce or the reply
    kind              text NOT NULL CHECK (kind IN ('like', 'reply', 'announce')),
    authorization_uri text,              -- NULL: it waits
    created_at        timestamptz NOT NULL
);
CREATE INDEX interaction_requests_account ON interaction_requests (account_id);
CREATE INDEX interaction_requests_status ON interaction_requests (status_id);
CREATE INDEX interaction_requests_of ON interaction_requests (interaction_uri);
