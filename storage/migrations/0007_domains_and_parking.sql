-- What the admin says of other domains, and hosts that are away for long.

-- The rule of the longest domain that a host's name ends with counts. `domain` is in normal form.
CREATE TABLE domain_rules (
    domain          text PRIMARY KEY,
    severity        text NOT NULL CHECK (severity IN ('block', 'limit', 'allow')),
    reason          text NOT NULL DEFAULT '',  -- may be shown to everybody
    private_comment text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL
);

-- "a.b.example:8080" is under itself, "b.example", "example", each with and without the port.
CREATE FUNCTION domains_above(host text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(name) FROM (
        SELECT array_to_string(labels[place:], '.') AS name
        FROM (VALUES (string_to_array(host, '.')),
                     (string_to_array(regexp_replace(host, ':[0-9]+$', ''), '.'))) AS l (labels),
            generate_series(1, cardinality(labels)) AS place
    ) names
$$;

CREATE FUNCTION host_of_url(url text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN lower(split_part(url, '/', 3));

CREATE FUNCTION domain_severity(host text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT severity FROM domain_rules WHERE domain = ANY (domains_above(host))
    ORDER BY length(domain) DESC LIMIT 1
$$;

-- So that lifting a rule brings back those alone whom it had hidden.
ALTER TABLE accounts
    ADD COLUMN suspended_by_domain boolean NOT NULL DEFAULT false,
    ADD COLUMN silenced_by_domain boolean NOT NULL DEFAULT false;

-- Whoever stores an account of a blocked or limited domain, it begins as the rule says. The domain
-- of its handle and the host of its id both count.
CREATE FUNCTION obey_domain_rule() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rules text[] := ARRAY[domain_severity(NEW.domain), domain_severity(host_of_url(NEW.uri))];
BEGIN
    IF 'block' = ANY (rules) AND NEW.suspended_at IS NULL THEN
        NEW.suspended_at := now();
        NEW.suspended_by_domain := true;
    END IF;
    IF 'limit' = ANY (rules) AND NEW.silenced_at IS NULL THEN
        NEW.silenced_at := now();
        NEW.silenced_by_domain := true;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER accounts_obey_domain_rule BEFORE INSERT ON accounts
    FOR EACH ROW WHEN (NEW.domain IS NOT NULL) EXECUTE FUNCTION obey_domain_rule();

-- Whom an activity was written for, beside the rows that wait: enough to write them anew for a host
-- that was away.
ALTER TABLE outbox_activities
    ADD COLUMN to_followers boolean NOT NULL DEFAULT false,
    ADD COLUMN to_inboxes text[] NOT NULL DEFAULT '{}';
UPDATE outbox_activities o SET to_inboxes = w.inboxes
FROM (SELECT activity_id, array_agg(inbox_url) AS inboxes FROM deliveries GROUP BY activity_id) w
WHERE o.id = w.activity_id;

-- A parked host has no deliveries: `missed_from` is the first activity that it may have missed.
ALTER TABLE hosts
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN parked_at timestamptz,
    ADD COLUMN missed_from bigint;
UPDATE hosts SET failing_since = coalesce(last_success_at, first_seen_at) WHERE failures > 0;

CREATE INDEX accounts_inbox_host ON accounts (host_of_url(inbox_url)) WHERE domain IS NOT NULL;

-- The last that a host refused of us and we of it; a few for each host.
CREATE TABLE refusals (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host       text NOT NULL REFERENCES hosts ON DELETE CASCADE,
    refused_by text NOT NULL CHECK (refused_by IN ('us', 'them')),
    activity   text NOT NULL,  -- its type
    reason     text NOT NULL,
    refused_at timestamptz NOT NULL
);
CREATE INDEX refusals_host ON refusals (host, id);
