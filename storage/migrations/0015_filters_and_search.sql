-- What a person does not want to see: filters, muted threads, blocked domains. Posts that wait for
-- their time. Translations that were made. The index of the search.

CREATE TABLE filters (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    title      text NOT NULL,
    contexts   text[] NOT NULL CHECK (cardinality(contexts) > 0 AND contexts
               <@ '{home,notifications,public,thread,account}'),
    action     text NOT NULL DEFAULT 'warn' CHECK (action IN ('warn', 'hide', 'blur')),
    expires_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX filters_account ON filters (account_id, id);

CREATE TABLE filter_keywords (
    id         bigint PRIMARY KEY,
    filter_id  bigint NOT NULL REFERENCES filters ON DELETE CASCADE,
    keyword    text NOT NULL,
    whole_word boolean NOT NULL DEFAULT true
);
CREATE INDEX filter_keywords_filter ON filter_keywords (filter_id, id);

CREATE TABLE filter_statuses (
    id        bigint PRIMARY KEY,
    filter_id bigint NOT NULL REFERENCES filters ON DELETE CASCADE,
    status_id bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    UNIQUE (filter_id, status_id)
);
CREATE INDEX filter_statuses_status ON filter_statuses (status_id);

-- A thread is named by its first known status, which may change or be deleted.
CREATE TABLE thread_mutes (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    thread_id  bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, thread_id)
);
CREATE INDEX thread_mutes_thread ON thread_mutes (thread_id);

CREATE TABLE user_domain_blocks (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    domain     text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (account_id, domain)
);

-- `params` are those of the request. A claim moves `due_at` ahead, so that a crash frees it.
CREATE TABLE scheduled_statuses (
    id             bigint PRIMARY KEY,
    account_id     bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    application_id bigint REFERENCES oauth_applications ON DELETE SET NULL,
    scheduled_at   timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    attempts       smallint NOT NULL DEFAULT 0,
    failure        text,  -- why it will never be posted; its author may change or delete it
    params         jsonb NOT NULL,
    created_at     timestamptz NOT NULL
);
CREATE INDEX scheduled_statuses_account ON scheduled_statuses (account_id, id);
CREATE INDEX scheduled_statuses_due ON scheduled_statuses (due_at) WHERE failure IS NULL;

-- Uploads that wait with a scheduled post are not tidied away.
ALTER TABLE media_attachments
    ADD COLUMN scheduled_id bigint REFERENCES scheduled_statuses ON DELETE SET NULL;
CREATE INDEX media_scheduled ON media_attachments (scheduled_id) WHERE scheduled_id IS NOT NULL;

-- `key` is a digest of all texts and both languages, so an edit makes another one.
CREATE TABLE translations (
    key        bytea PRIMARY KEY,
    texts      jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX translations_created ON translations (created_at);

-- The search.
--
-- A document is a status as one circle of people may find it: everybody (`owner_id` NULL: public
-- posts of authors who agree to it), or the one person here who wrote it, was named in it, or did
-- something with it. Beside the words its vector has marks, "|name|value": characters that no word
-- has. The first says whose the document is and in which bucket of places it lies; a search asks
-- bucket after bucket, the newest first, and stops when its page is full. So it never reads all
-- that contain a common word.
CREATE SEQUENCE search_places MINVALUE 0 START 0;
CREATE TABLE search_documents (
    place     bigint PRIMARY KEY,
    status_id bigint NOT NULL REFERENCES statuses ON DELETE CASCADE,
    owner_id  bigint REFERENCES accounts ON DELETE CASCADE,
    words     tsvector NOT NULL,
    UNIQUE NULLS NOT DISTINCT (status_id, owner_id)
);
CREATE INDEX search_documents_owner ON search_documents (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX search_documents_words ON search_documents USING gin (words);

CREATE FUNCTION search_bucket(place bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN place >> 14;
CREATE FUNCTION search_circle(owner bigint, bucket bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN '|circle|' || coalesce(owner::text, 'public') || '|' || bucket::text;

-- Without case and accents; characters of scripts without blanks are words of their own.
CREATE FUNCTION search_text(words text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN regexp_replace(
        normalize(regexp_replace(normalize(lower(words), NFKD), '[\u0300-\u036f]+', '', 'g'), NFKC),
        '([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])', ' \1 ', 'g');

-- How PostgreSQL finds the stems of a language's words; NULL where it knows none.
CREATE FUNCTION search_stemmer(language text) RETURNS regconfig LANGUAGE sql STABLE
    RETURN CASE lower(split_part(language, '-', 1))
        WHEN 'ar' THEN 'arabic' WHEN 'ca' THEN 'catalan' WHEN 'da' THEN 'danish'
        WHEN 'de' THEN 'german' WHEN 'el' THEN 'greek' WHEN 'en' THEN 'english'
        WHEN 'es' THEN 'spanish' WHEN 'eu' THEN 'basque' WHEN 'fi' THEN 'finnish'
        WHEN 'fr' THEN 'french' WHEN 'ga' THEN 'irish' WHEN 'hi' THEN 'hindi'
        WHEN 'hu' THEN 'hungarian' WHEN 'hy' THEN 'armenian' WHEN 'id' THEN 'indonesian'
        WHEN 'it' THEN 'italian' WHEN 'lt' THEN 'lithuanian' WHEN 'nb' THEN 'norwegian'
        WHEN 'ne' THEN 'nepali' WHEN 'nl' THEN 'dutch' WHEN 'nn' THEN 'norwegian'
        WHEN 'no' THEN 'norwegian' WHEN 'pt' THEN 'portuguese' WHEN 'ro' THEN 'romanian'
        WHEN 'ru' THEN 'russian' WHEN 'sr' THEN 'serbian' WHEN 'sv' THEN 'swedish'
        WHEN 'ta' THEN 'tamil' WHEN 'tr' THEN 'turkish' WHEN 'yi' THEN 'yiddish'
    END::regconfig;

-- Words and stems of one piece of text. Stems are marked, so that a phrase is of words alone.
CREATE FUNCTION search_words(words text, language text) RETURNS tsvector LANGUAGE sql STABLE
    RETURN to_tsvector('simple', search_text(words)) || array_to_tsvector(ARRAY(
        SELECT '|stem|' || stem
        FROM unnest(tsvector_to_array(to_tsvector(search_stemmer(language), words))) AS stem
        WHERE length(stem) < 200));

-- All that can be found of a status, but for the mark of its circle.
CREATE FUNCTION search_content(of_status bigint) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT search_words(left(concat_ws(E'\n', s.spoiler_text, s.content, array_to_string(p.options, E'\n'),
            m.descriptions), 60000), s.language)
        || array_to_tsvector(array_remove(ARRAY[
            '|from|' || s.account_id,
            '|date|' || to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
            '|language|' || lower(split_part(s.language, '-', 1)),
            CASE WHEN s.in_reply_to_id IS NOT NULL OR s.in_reply_to_uri IS NOT NULL
                THEN '|is|reply' END,
            CASE WHEN s.sensitive THEN '|is|sensitive' END,
            CASE WHEN p.id IS NOT NULL THEN '|is|poll' END,
            CASE WHEN m.kinds IS NOT NULL THEN '|is|media' END,
            CASE WHEN 'image' = ANY (m.kinds) THEN '|is|image' END,
            CASE WHEN m.kinds && '{video,gifv}' THEN '|is|video' END,
            CASE WHEN 'audio' = ANY (m.kinds) THEN '|is|audio' END,
            CASE WHEN s.content ~ '<a (?![^>]*class="[^"]*(mention|hashtag))' THEN '|is|link' END
        ], NULL))
    FROM statuses s
    LEFT JOIN polls p ON p.status_id = s.id
    CROSS JOIN LATERAL (
        SELECT array_agg(a.type) AS kinds, string_agg(a.description, E'\n') AS descriptions
        FROM media_attachments a WHERE a.status_id = s.id
    ) m
    WHERE s.id = of_status
$$;

CREATE FUNCTION put_search_document(of_status bigint, owner bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    content tsvector := search_content(of_status);
    at_place bigint := (
        SELECT place FROM search_documents
        WHERE status_id = of_status AND owner_id IS NOT DISTINCT FROM owner);
BEGIN
    IF content IS NULL THEN
        RETURN;
    END IF;
    at_place := coalesce(at_place, nextval('search_places'));
    INSERT INTO search_documents AS d (place, status_id, owner_id, words)
    VALUES (at_place, of_status, owner,
        content || array_to_tsvector(ARRAY[search_circle(owner, search_bucket(at_place))]))
    ON CONFLICT (status_id, owner_id) DO UPDATE SET words = content
        || array_to_tsvector(ARRAY[search_circle(owner, search_bucket(d.place))]);
END
$$;

-- At the commit, when media and poll are there.
CREATE FUNCTION index_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.visibility = 'public'
        AND EXISTS (SELECT 1 FROM accounts WHERE id = NEW.account_id AND indexable) THEN
        PERFORM put_search_document(NEW.id, NULL);
    END IF;
    IF NEW.local THEN
        PERFORM put_search_document(NEW.id, NEW.account_id);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        PERFORM put_search_document(NEW.id, d.owner_id)
        FROM search_documents d WHERE d.status_id = NEW.id AND d.owner_id <> NEW.account_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER statuses_are_found
    AFTER INSERT OR UPDATE OF content, spoiler_text, sensitive, language, visibility ON statuses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reblog_of_id IS NULL)
    EXECUTE FUNCTION index_status();

-- What a person did something with belongs to what they find.
CREATE FUNCTION index_for_reader() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_status bigint;
BEGIN
    IF EXISTS (SELECT 1 FROM users WHERE account_id = NEW.account_id) THEN
        of_status := CASE TG_TABLE_NAME
            WHEN 'statuses' THEN (to_jsonb(NEW) ->> 'reblog_of_id')::bigint
            WHEN 'poll_votes' THEN (SELECT p.status_id FROM polls p
                                    WHERE p.id = (to_jsonb(NEW) ->> 'poll_id')::bigint)
            ELSE (to_jsonb(NEW) ->> 'status_id')::bigint END;
        PERFORM put_search_document(of_status, NEW.account_id)
        WHERE NOT EXISTS (SELECT 1 FROM search_documents d
                          WHERE d.status_id = of_status AND d.owner_id = NEW.account_id);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER boosts_are_found AFTER INSERT ON statuses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.reblog_of_id IS NOT NULL AND NEW.local) EXECUTE FUNCTION index_for_reader();
CREATE CONSTRAINT TRIGGER favourites_are_found AFTER INSERT ON favourites
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION index_for_reader();
CREATE CONSTRAINT TRIGGER bookmarks_are_found AFTER INSERT ON bookmarks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION index_for_reader();
CREATE CONSTRAINT TRIGGER mentions_are_found AFTER INSERT ON mentions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION index_for_reader();
CREATE CONSTRAINT TRIGGER votes_are_found AFTER INSERT ON poll_votes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION index_for_reader();

-- An author changes their mind about being found.
CREATE FUNCTION index_author() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.indexable THEN
        PERFORM put_search_document(s.id, NULL) FROM (
            SELECT id FROM statuses
            WHERE account_id = NEW.id AND visibility = 'public' AND reblog_of_id IS NULL
            ORDER BY id DESC LIMIT 500
        ) s;
    ELSE
        DELETE FROM search_documents d USING statuses s
        WHERE s.account_id = NEW.id AND d.status_id = s.id AND d.owner_id IS NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER authors_are_found AFTER UPDATE OF indexable ON accounts
    FOR EACH ROW WHEN (OLD.indexable IS DISTINCT FROM NEW.indexable)
    EXECUTE FUNCTION index_author();

-- What is there already, the oldest first.
SELECT count(put_search_document(known.status_id, known.owner_id)) FROM (
    SELECT s.id AS status_id, NULL::bigint AS owner_id
    FROM statuses s JOIN accounts a ON a.id = s.account_id
    WHERE s.visibility = 'public' AND s.reblog_of_id IS NULL AND a.indexable
    UNION
    SELECT coalesce(s.reblog_of_id, s.id), s.account_id FROM statuses s WHERE s.local
    UNION
    SELECT f.status_id, f.account_id
    FROM favourites f JOIN users u ON u.account_id = f.account_id
    UNION
    SELECT b.status_id, b.account_id FROM bookmarks b
    UNION
    SELECT m.status_id, m.account_id FROM mentions m JOIN users u ON u.account_id = m.account_id
    UNION
    SELECT p.status_id, v.account_id
    FROM poll_votes v JOIN polls p ON p.id = v.poll_id
    JOIN users u ON u.account_id = v.account_id
    ORDER BY 1
) known;
