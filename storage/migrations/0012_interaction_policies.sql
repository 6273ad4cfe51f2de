-- Who may answer, favourite and boost what our people post; what waits for their leave, and what
-- peers' people do among themselves where the author's leave is wanted.

-- Nobody sees it but who did it: its author's leave is waited for, or was refused.
ALTER TABLE statuses ADD COLUMN withheld boolean NOT NULL DEFAULT false;
ALTER TABLE favourites ADD COLUMN withheld boolean NOT NULL DEFAULT false;
-- Who may do what with a person's new posts: {"public": {"reply": {"automatic": [...], ...}}}
ALTER TABLE users ADD COLUMN interaction_policies jsonb;

CREATE TABLE approvals (
    id                bigint PRIMARY KEY,
    account_id        bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,  -- who acts
    target_id         bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,  -- who decides
    status_id         bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,  -- what is acted upon
    kind              text NOT NULL CHECK (kind IN ('like', 'reply', 'announce', 'quote')),
    interaction_uri   text NOT NULL,   -- the Like, the Announce, the reply or the quoting Note
    reply_id          bigint REFERENCES statuses ON DELETE SET NULL,  -- the reply or quoting status
    request_uri       text,            -- the LikeRequest or its like; NULL: the act itself came
    state             text NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'revoked')),
    authorization_uri text,            -- of a peer that is asked: claimed while it is pending
    asked_at          timestamptz,     -- when a claimed one was last asked for
    created_at        timestamptz NOT NULL,
    decided_at        timestamptz,
    UNIQUE (interaction_uri, account_id)
);
CREATE INDEX approvals_target ON approvals (target_id, id) WHERE state = 'pending';
CREATE INDEX approvals_account ON approvals (account_id, status_id);
CREATE INDEX approvals_status ON approvals (status_id);
CREATE INDEX approvals_reply ON approvals (reply_id) WHERE reply_id IS NOT NULL;
CREATE INDEX approvals_target_account ON approvals (target_id);
CREATE INDEX approvals_authorization ON approvals (authorization_uri)
    WHERE authorization_uri IS NOT NULL;
CREATE INDEX approvals_claimed ON approvals (asked_at NULLS FIRST)
    WHERE state = 'pending' AND authorization_uri IS NOT NULL;

-- What waits for a peer's leave already.
WITH waiting AS (
    UPDATE statuses s SET withheld = true FROM interaction_requests i
    WHERE i.interaction_uri = s.uri AND i.authorization_uri IS NULL AND i.kind <> 'like'
    RETURNING s.account_id, s.in_reply_to_id, s.reblog_of_id
), authors AS (
    UPDATE accounts a SET statuses_count = greatest(a.statuses_count - w.count, 0)
    FROM (SELECT account_id, count(*)::int AS count FROM waiting GROUP BY account_id) w
    WHERE a.id = w.account_id
)
UPDATE statuses s SET
    replies_count = greatest(s.replies_count - w.replies, 0),
    reblogs_count = greatest(s.reblogs_count - w.boosts, 0)
FROM (SELECT coalesce(in_reply_to_id, reblog_of_id) AS id, count(in_reply_to_id)::int AS replies,
          count(reblog_of_id)::int AS boosts
      FROM waiting GROUP BY 1) w
WHERE s.id = w.id;
CREATE INDEX interaction_requests_authorization ON interaction_requests (authorization_uri)
    WHERE authorization_uri IS NOT NULL;
