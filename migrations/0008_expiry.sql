-- +goose Up

-- Documents that expire: the instant is kept with the document, as the index of kind "expires" of its collection has it. It is NULL in a document that never does.

-- What is due is looked for collection by collection, so that one with much of it holds nobody up. Documents without an expiry cost it nothing.
DROP INDEX public.documents_expiry;
CREATE INDEX documents_expiry ON public.documents (bucket, collection_id, expires_at) WHERE expires_at IS NOT NULL;

-- Finds the few collections whose documents expire among many.
CREATE INDEX collection_indexes_expiry ON public.collection_indexes (collection_id) WHERE spec ->> 'kind' = 'expires';

-- An instant as the arrays below have it: the first one behind the last that there is stands for never, because an array of instants is not to have a gap.
CREATE FUNCTION public.sheaf_expires_v1(timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT NULLIF($1, timestamptz '10000-01-01 00:00:00+00') $$;

-- sheaf_write_documents_v1 with the instants at which documents expire.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_documents_v2(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_expires timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    i integer;
    n integer;
BEGIN
    IF p_inserts > 0 THEN
        INSERT INTO public.documents (bucket, collection_id, id, revision, schema_revision, created_at, updated_at, expires_at, data)
        SELECT u.bucket, u.collection_id, u.id, u.revision, u.schema_revision, u.created_at, u.at, public.sheaf_expires_v1(u.expires_at), u.data
          FROM unnest(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_expires, p_data)
            AS u(bucket, collection_id, id, base, revision, schema_revision, op, created_at, at, expires_at, data)
         WHERE u.base = 0 AND u.op <> 'd'
         ORDER BY u.bucket, u.collection_id, u.id COLLATE "C"
            ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> p_inserts THEN
            RAISE EXCEPTION 'a document is there already' USING ERRCODE = 'SH002';
        END IF;
    END IF;
    -- One statement for each row, with the whole key: a join with a set may be planned as a scan of the whole collection.
    FOREACH i IN ARRAY p_order LOOP
        IF p_op[i] = 'd' THEN
            DELETE FROM public.documents
             WHERE bucket = p_bucket[i] AND collection_id = p_collection[i] AND id = p_id[i] AND revision = p_base[i];
        ELSE
            UPDATE public.documents
               SET revision = p_revision[i], schema_revision = p_schema[i], created_at = p_created[i], updated_at = p_at[i],
                   expires_at = public.sheaf_expires_v1(p_expires[i]), data = p_data[i]
             WHERE bucket = p_bucket[i] AND collection_id = p_collection[i] AND id = p_id[i] AND revision = p_base[i];
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a document is at another revision' USING ERRCODE = 'SH002';
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

-- sheaf_write_unique_v1 that also tells who has the keys: the detail of SH003 is a JSON array of [number, id].
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_unique_v2(
    p_bucket integer[], p_index integer[], p_key bytea[], p_collection integer[], p_id text[], p_gone boolean[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    refused jsonb := '[]';
    holder  text;
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        IF p_gone[i] THEN
            DELETE FROM public.unique_entries WHERE bucket = p_bucket[i] AND index_id = p_index[i] AND key = p_key[i] AND id = p_id[i];
            CONTINUE;
        END IF;
        INSERT INTO public.unique_entries (bucket, index_id, key, collection_id, id)
        VALUES (p_bucket[i], p_index[i], p_key[i], p_collection[i], p_id[i])
            ON CONFLICT DO NOTHING;
        IF FOUND THEN
            CONTINUE;
        END IF;
        holder := NULL;
        SELECT id INTO holder FROM public.unique_entries WHERE bucket = p_bucket[i] AND index_id = p_index[i] AND key = p_key[i];
        IF holder IS NULL THEN
            RAISE EXCEPTION 'a unique key became free' USING ERRCODE = 'SH002';
        ELSIF holder <> p_id[i] THEN
            refused := refused || jsonb_build_array(jsonb_build_array(i, holder));
        END IF;
    END LOOP;
    IF refused <> '[]' THEN
        RAISE EXCEPTION 'unique keys are taken' USING ERRCODE = 'SH003', DETAIL = refused::text;
    END IF;
END $$;
-- +goose StatementEnd

-- sheaf_write_v3 with the instants at which documents expire; it returns what each of p_buckets was at before.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v6(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_expires timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer,
    p_gone_bucket integer[], p_gone_index integer[], p_gone_key bytea[], p_gone_id text[],
    p_entry_bucket integer[], p_entry_index integer[], p_entry_key bytea[], p_entry_id text[],
    p_text_bucket integer[], p_text_index integer[], p_text_id text[], p_text_gone boolean[], p_language text[], p_a text[], p_b text[], p_c text[], p_d text[],
    p_unique_bucket integer[], p_unique_index integer[], p_unique_key bytea[], p_unique_collection integer[], p_unique_id text[], p_unique_gone boolean[],
    p_ordinal bigint[], p_actor text[], p_request text[],
    p_buckets integer[], p_counts bigint[], p_collections integer[], p_versions bigint[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    bases bigint[];
BEGIN
    PERFORM public.sheaf_write_documents_v2(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_expires, p_data, p_order, p_inserts);
    PERFORM public.sheaf_write_entries_v1(p_gone_bucket, p_gone_index, p_gone_key, p_gone_id, p_entry_bucket, p_entry_index, p_entry_key, p_entry_id);
    IF cardinality(p_text_id) > 0 THEN
        PERFORM public.sheaf_write_texts_v1(p_text_bucket, p_text_index, p_text_id, p_text_gone, p_language, p_a, p_b, p_c, p_d);
    END IF;
    IF cardinality(p_unique_id) > 0 THEN
        PERFORM public.sheaf_write_unique_v2(p_unique_bucket, p_unique_index, p_unique_key, p_unique_collection, p_unique_id, p_unique_gone);
    END IF;
    bases := public.sheaf_take_positions_v1(p_buckets, p_counts, p_collections, p_versions);
    PERFORM public.sheaf_append_changes_v1(p_buckets, bases, p_bucket, p_ordinal, p_collection, p_id, p_revision, p_op, p_at, p_actor, p_request, p_data);
    RETURN bases;
END $$;
-- +goose StatementEnd

-- Makes instants those of documents that somebody holds, and touches only those that had others.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_set_expiries_v1(p_bucket integer, p_collection integer, p_id text[], p_expires timestamptz[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        UPDATE public.documents SET expires_at = public.sheaf_expires_v1(p_expires[i])
         WHERE bucket = p_bucket AND collection_id = p_collection AND id = p_id[i] AND expires_at IS DISTINCT FROM public.sheaf_expires_v1(p_expires[i]);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_set_expiries_v1;
DROP FUNCTION public.sheaf_write_v6;
DROP FUNCTION public.sheaf_write_unique_v2;
DROP FUNCTION public.sheaf_write_documents_v2;
DROP FUNCTION public.sheaf_expires_v1;
DROP INDEX public.collection_indexes_expiry;
-- What the version before cannot read goes, and what it would not keep up to date.
DELETE FROM public.collection_indexes WHERE spec ->> 'kind' = 'expires';
UPDATE public.documents SET expires_at = NULL WHERE expires_at IS NOT NULL;
DROP INDEX public.documents_expiry;
CREATE INDEX documents_expiry ON public.documents (bucket, expires_at) WHERE expires_at IS NOT NULL;
