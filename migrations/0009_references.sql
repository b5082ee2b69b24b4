-- +goose Up

-- Checked references. An index of kind "refers" has an entry for each document that a document refers to, with the id of that as its key; its specification has the name of the
-- collection that it leads to.

-- Finds who refers to a collection among many.
CREATE INDEX collection_indexes_refers ON public.collection_indexes ((spec ->> 'collection'), index_id) WHERE spec ->> 'kind' = 'refers';

-- When a document expires, as an index of kind "expires" has it, told by what the document says; NULL is never.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_instant_of_v1(p_spec jsonb, p_data jsonb, p_created timestamptz, p_updated timestamptz) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    name text;
    at   timestamptz;
BEGIN
    CASE p_spec #>> '{on,0}'
        WHEN 'createdAt' THEN at := p_created;
        WHEN 'updatedAt' THEN at := p_updated;
        ELSE
            FOR name IN SELECT jsonb_array_elements_text(p_spec -> 'path') LOOP
                p_data := p_data -> name;
            END LOOP;
            at := public.sheaf_timestamp_v1(public.sheaf_text_v1(p_data));
    END CASE;
    RETURN public.sheaf_shift_v1(at, (p_spec ->> 'after')::bigint);
END $$;
-- +goose StatementEnd

-- Locks the documents that a write changes or removes, and those that it makes others refer to, in the order in which everybody locks: who refers to a document keeps it from
-- being removed until the end of the transaction, and from nothing else.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_lock_documents_v1(
    p_bucket integer[], p_collection integer[], p_id text[], p_removed boolean[], p_target_name text[], p_target_id text[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT l.bucket, l.collection_id, l.id, max(l.strength) AS strength
          FROM (SELECT u.bucket, u.collection_id, u.id COLLATE "C" AS id, CASE WHEN u.removed THEN 3 ELSE 2 END AS strength
                  FROM unnest(p_bucket, p_collection, p_id, p_removed) AS u(bucket, collection_id, id, removed)
                 UNION ALL
                SELECT c.bucket, c.collection_id, t.id COLLATE "C", 1
                  FROM unnest(p_target_name, p_target_id) AS t(name, id),
                       LATERAL (SELECT y.bucket, y.collection_id FROM public.collections AS y WHERE y.name = t.name AND y.state = 'a' OFFSET 0) AS c) AS l
         GROUP BY l.bucket, l.collection_id, l.id
         ORDER BY l.bucket, l.collection_id, l.id
    LOOP
        CASE d.strength
            WHEN 1 THEN PERFORM FROM public.documents WHERE bucket = d.bucket AND collection_id = d.collection_id AND id = d.id FOR KEY SHARE;
            WHEN 2 THEN PERFORM FROM public.documents WHERE bucket = d.bucket AND collection_id = d.collection_id AND id = d.id FOR NO KEY UPDATE;
            ELSE PERFORM FROM public.documents WHERE bucket = d.bucket AND collection_id = d.collection_id AND id = d.id FOR UPDATE;
        END CASE;
    END LOOP;
END $$;
-- +goose StatementEnd

-- Fails with SH006, and a JSON array of the numbers of those that are not there in the detail, unless all targets are there and have not expired.
-- It comes behind the write, which may have made some of them. Whoever would remove one waits from here on.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_check_targets_v1(p_name text[], p_id text[], p_at timestamptz[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    missing jsonb := '[]';
    c       record;
BEGIN
    FOR c IN
        SELECT t.name, y.bucket, y.collection_id, x.spec, x.state
          FROM (SELECT DISTINCT u.name FROM unnest(p_name) AS u(name)) AS t
          LEFT JOIN LATERAL (SELECT z.bucket, z.collection_id FROM public.collections AS z WHERE z.name = t.name AND z.state = 'a' OFFSET 0) AS y ON true
          LEFT JOIN LATERAL (SELECT z.spec, z.state FROM public.collection_indexes AS z
                              WHERE z.collection_id = y.collection_id AND z.spec ->> 'kind' = 'expires' AND z.state IN ('b', 'r') OFFSET 0) AS x ON true
    LOOP
        SELECT missing || coalesce(jsonb_agg(u.n ORDER BY u.n), '[]') INTO missing
          FROM unnest(p_name, p_id, p_at) WITH ORDINALITY AS u(name, id, at, n)
          LEFT JOIN LATERAL (
               SELECT true AS there
                 FROM public.documents AS d
                WHERE d.bucket = c.bucket AND d.collection_id = c.collection_id AND d.id = u.id
                  AND CASE c.state
                      WHEN 'r' THEN d.expires_at IS NULL OR d.expires_at > u.at
                      WHEN 'b' THEN coalesce(public.sheaf_instant_of_v1(c.spec, d.data, d.created_at, d.updated_at) > u.at, true)
                      ELSE true END
                  FOR KEY SHARE) AS l ON true
         WHERE u.name = c.name AND l.there IS NULL;
    END LOOP;
    IF missing <> '[]' THEN
        RAISE EXCEPTION 'documents are not there' USING ERRCODE = 'SH006', DETAIL = missing::text;
    END IF;
END $$;
-- +goose StatementEnd

-- Fails with SH007, and a JSON array of their numbers in the detail, when documents that a write has removed are referred to. Of those that have expired, references that restrict
-- deletions do not count. It comes behind the write: who refers to one by then has committed, or waits for the lock of the document that is removed, and will not find it.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_check_referrers_v1(p_bucket integer[], p_collection integer[], p_id text[], p_expired boolean[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    referred jsonb := '[]';
    n        integer;
    indexes  integer[];
    buckets  integer[];
    restrict boolean[];
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        IF i = 1 OR p_collection[i] <> p_collection[i - 1] THEN
            SELECT array_agg(x.index_id), array_agg(c.bucket),
                   array_agg(EXISTS (SELECT FROM jsonb_array_elements(c.configuration -> 'references') AS r(declared)
                                      WHERE r.declared -> 'path' = x.spec #> '{on,0}' AND r.declared ->> 'onDelete' = 'restrict'))
              INTO indexes, buckets, restrict
              FROM public.collections AS t,
                   LATERAL (SELECT y.index_id, y.collection_id, y.spec FROM public.collection_indexes AS y
                             WHERE y.spec ->> 'kind' = 'refers' AND y.spec ->> 'collection' = t.name AND y.state IN ('b', 'r') OFFSET 0) AS x,
                   LATERAL (SELECT y.bucket, y.configuration FROM public.collections AS y WHERE y.collection_id = x.collection_id AND y.state = 'a' OFFSET 0) AS c
             WHERE t.collection_id = p_collection[i];
        END IF;
        FOR n IN 1 .. coalesce(cardinality(indexes), 0) LOOP
            CONTINUE WHEN p_expired[i] AND restrict[n];
            PERFORM FROM public.index_entries AS e WHERE e.bucket = buckets[n] AND e.index_id = indexes[n] AND e.key = convert_to(p_id[i], 'UTF8') LIMIT 1;
            IF FOUND THEN
                referred := referred || to_jsonb(i);
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
    IF referred <> '[]' THEN
        RAISE EXCEPTION 'documents are referred to' USING ERRCODE = 'SH007', DETAIL = referred::text;
    END IF;
END $$;
-- +goose StatementEnd

-- sheaf_write_v6 with references. Locks are taken in one order by everybody: documents, entries, then buckets, then nothing.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v7(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_expires timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer,
    p_gone_bucket integer[], p_gone_index integer[], p_gone_key bytea[], p_gone_id text[],
    p_entry_bucket integer[], p_entry_index integer[], p_entry_key bytea[], p_entry_id text[],
    p_text_bucket integer[], p_text_index integer[], p_text_id text[], p_text_gone boolean[], p_language text[], p_a text[], p_b text[], p_c text[], p_d text[],
    p_unique_bucket integer[], p_unique_index integer[], p_unique_key bytea[], p_unique_collection integer[], p_unique_id text[], p_unique_gone boolean[],
    p_locked_bucket integer[], p_locked_collection integer[], p_locked_id text[], p_locked_removed boolean[],
    p_target_name text[], p_target_id text[], p_target_at timestamptz[],
    p_removed_bucket integer[], p_removed_collection integer[], p_removed_id text[], p_removed_expired boolean[],
    p_ordinal bigint[], p_actor text[], p_request text[],
    p_buckets integer[], p_counts bigint[], p_collections integer[], p_versions bigint[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    bases bigint[];
BEGIN
    -- Who only adds documents locks nothing before them.
    IF cardinality(p_target_id) > 0 AND cardinality(p_locked_id) > 0 THEN
        PERFORM public.sheaf_lock_documents_v1(p_locked_bucket, p_locked_collection, p_locked_id, p_locked_removed, p_target_name, p_target_id);
    END IF;
    PERFORM public.sheaf_write_documents_v2(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_expires, p_data, p_order, p_inserts);
    PERFORM public.sheaf_write_entries_v1(p_gone_bucket, p_gone_index, p_gone_key, p_gone_id, p_entry_bucket, p_entry_index, p_entry_key, p_entry_id);
    IF cardinality(p_text_id) > 0 THEN
        PERFORM public.sheaf_write_texts_v1(p_text_bucket, p_text_index, p_text_id, p_text_gone, p_language, p_a, p_b, p_c, p_d);
    END IF;
    IF cardinality(p_unique_id) > 0 THEN
        PERFORM public.sheaf_write_unique_v2(p_unique_bucket, p_unique_index, p_unique_key, p_unique_collection, p_unique_id, p_unique_gone);
    END IF;
    IF cardinality(p_target_id) > 0 THEN
        PERFORM public.sheaf_check_targets_v1(p_target_name, p_target_id, p_target_at);
    END IF;
    IF cardinality(p_removed_id) > 0 THEN
        PERFORM public.sheaf_check_referrers_v1(p_removed_bucket, p_removed_collection, p_removed_id, p_removed_expired);
    END IF;
    bases := public.sheaf_take_positions_v1(p_buckets, p_counts, p_collections, p_versions);
    PERFORM public.sheaf_append_changes_v1(p_buckets, bases, p_bucket, p_ordinal, p_collection, p_id, p_revision, p_op, p_at, p_actor, p_request, p_data);
    RETURN bases;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_write_v7;
DROP FUNCTION public.sheaf_check_referrers_v1;
DROP FUNCTION public.sheaf_check_targets_v1;
DROP FUNCTION public.sheaf_lock_documents_v1;
DROP FUNCTION public.sheaf_instant_of_v1;
DROP INDEX public.collection_indexes_refers;
-- What the version before cannot read goes with its entries.
DELETE FROM public.index_entries AS e USING public.collection_indexes AS x WHERE x.index_id = e.index_id AND x.spec ->> 'kind' = 'refers';
DELETE FROM public.collection_indexes WHERE spec ->> 'kind' = 'refers';
