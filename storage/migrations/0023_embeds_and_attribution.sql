-- Domains that people block for themselves come in as files, too.
ALTER TABLE imports DROP CONSTRAINT imports_kind_check;
ALTER TABLE imports ADD CONSTRAINT imports_kind_check
    CHECK (kind IN ('follows', 'blocks', 'mutes', 'lists', 'bookmarks', 'domain_blocks'));

-- Pages that show a video, and our people whom pages name as author, but who do not name the page.
ALTER TABLE preview_cards
    ADD COLUMN has_video boolean NOT NULL DEFAULT false,
    ADD COLUMN unverified_author_id bigint REFERENCES accounts ON DELETE SET NULL;
CREATE INDEX preview_cards_unverified ON preview_cards (unverified_author_id)
    WHERE unverified_author_id IS NOT NULL;

-- As before, with the marks for videos on linked pages, and for quotes.
CREATE OR REPLACE FUNCTION search_content(of_status bigint) RETURNS tsvector LANGUAGE sql STABLE AS $$
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
            CASE WHEN s.content ~ '<a (?![^>]*class="[^"]*(mention|hashtag))' THEN '|is|link' END,
            CASE WHEN EXISTS (
                SELECT 1 FROM status_cards c JOIN preview_cards v ON v.id = c.card_id
                WHERE c.status_id = s.id AND v.has_video) THEN '|is|embed' END,
            CASE WHEN EXISTS (SELECT 1 FROM quotes q WHERE q.status_id = s.id)
                THEN '|is|quote' END
        ], NULL))
    FROM statuses s
    LEFT JOIN polls p ON p.status_id = s.id
    CROSS JOIN LATERAL (
        SELECT array_agg(a.type) AS kinds, string_agg(a.description, E'\n') AS descriptions
        FROM media_attachments a WHERE a.status_id = s.id
    ) m
    WHERE s.id = of_status
$$;
