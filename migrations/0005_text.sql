-- +goose Up

-- Text search: what the documents of text indexes say, as a part of every write.

CREATE TABLE public.text_entries (
    bucket   integer          NOT NULL,
    index_id integer          NOT NULL,
    id       text COLLATE "C" NOT NULL,
    text     tsvector         NOT NULL, -- the words, and as one more the index: see sheaf_text_index_v1
    -- The entry of a document, and what is removed with an index.
    PRIMARY KEY (bucket, index_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- The search itself. One GIN index has the words of all text indexes, and cannot have their numbers beside them without an extension.
-- So every text has a word for its index, and every search asks for that too: what others have is left out before any row is looked at.
CREATE INDEX text_entries_text ON public.text_entries USING gin (text);

-- The word that stands for an index. No text has it, for words have no spaces.
CREATE FUNCTION public.sheaf_text_index_v1(p_index integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '''index ' || p_index || '''' $$;

-- What is searched for. Every text is a search: what is no syntax is a word. The result has no nodes when none of the words counts in the language.
CREATE FUNCTION public.sheaf_text_words_v1(p_language text, p_words text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.websearch_to_tsquery(('pg_catalog.' || p_language)::regconfig, p_words)
$$;

-- The same in one index; NULL, which nothing matches, for no words.
CREATE FUNCTION public.sheaf_text_query_v1(p_index integer, p_words tsquery) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN numnode(p_words) > 0 THEN public.sheaf_text_index_v1(p_index)::tsquery && p_words END
$$;

-- The texts that a write takes away and adds, as parallel arrays; of the texts, one array for each weight. Whoever writes one holds the lock of its document.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_texts_v1(
    p_bucket integer[], p_index integer[], p_id text[], p_gone boolean[], p_language text[], p_a text[], p_b text[], p_c text[], p_d text[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    language regconfig;
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        IF p_gone[i] THEN
            DELETE FROM public.text_entries WHERE bucket = p_bucket[i] AND index_id = p_index[i] AND id = p_id[i];
            CONTINUE;
        END IF;
        language := 'pg_catalog.' || p_language[i];
        INSERT INTO public.text_entries AS e (bucket, index_id, id, text)
        VALUES (p_bucket[i], p_index[i], p_id[i],
                public.sheaf_text_index_v1(p_index[i])::tsvector
                || setweight(to_tsvector(language, p_a[i]), 'A') || setweight(to_tsvector(language, p_b[i]), 'B')
                || setweight(to_tsvector(language, p_c[i]), 'C') || setweight(to_tsvector(language, p_d[i]), 'D'))
            ON CONFLICT (bucket, index_id, id) DO UPDATE SET text = EXCLUDED.text;
    END LOOP;
END $$;
-- +goose StatementEnd

-- sheaf_write_v2 with texts, which come behind the other entries that are nobody else's.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v3(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer,
    p_gone_bucket integer[], p_gone_index integer[], p_gone_key bytea[], p_gone_id text[],
    p_entry_bucket integer[], p_entry_index integer[], p_entry_key bytea[], p_entry_id text[],
    p_text_bucket integer[], p_text_index integer[], p_text_id text[], p_text_gone boolean[], p_language text[], p_a text[], p_b text[], p_c text[], p_d text[],
    p_unique_bucket integer[], p_unique_index integer[], p_unique_key bytea[], p_unique_collection integer[], p_unique_id text[], p_unique_gone boolean[],
    p_ordinal bigint[], p_actor text[], p_request text[],
    p_buckets integer[], p_counts bigint[], p_collections integer[], p_versions bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    bases bigint[];
BEGIN
    PERFORM public.sheaf_write_documents_v1(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_data, p_order, p_inserts);
    PERFORM public.sheaf_write_entries_v1(p_gone_bucket, p_gone_index, p_gone_key, p_gone_id, p_entry_bucket, p_entry_index, p_entry_key, p_entry_id);
    IF cardinality(p_text_id) > 0 THEN
        PERFORM public.sheaf_write_texts_v1(p_text_bucket, p_text_index, p_text_id, p_text_gone, p_language, p_a, p_b, p_c, p_d);
    END IF;
    IF cardinality(p_unique_id) > 0 THEN
        PERFORM public.sheaf_write_unique_v1(p_unique_bucket, p_unique_index, p_unique_key, p_unique_collection, p_unique_id, p_unique_gone);
    END IF;
    bases := public.sheaf_take_positions_v1(p_buckets, p_counts, p_collections, p_versions);
    PERFORM public.sheaf_append_changes_v1(p_buckets, bases, p_bucket, p_ordinal, p_collection, p_id, p_revision, p_op, p_at, p_actor, p_request, p_data);
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_write_v3;
DROP FUNCTION public.sheaf_write_texts_v1;
DROP FUNCTION public.sheaf_text_query_v1;
DROP FUNCTION public.sheaf_text_words_v1;
DROP FUNCTION public.sheaf_text_index_v1;
-- What the version before cannot read goes with its entries.
DELETE FROM public.collection_indexes WHERE spec ->> 'kind' = 'text';
DROP TABLE public.text_entries;
