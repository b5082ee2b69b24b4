-- +goose Up

-- What most writes are: documents and their entries, with nothing unique, no words and no references. It is what sheaf_write_v7 does for those, in one function: each call of a function
-- in a function costs about as much as a row. Locks are taken in the same order: documents, entries, then buckets, then nothing.
--
-- An insertion that looks out for a row that is there already costs a fifth more than one that fails. So a document that is there fails with unique_violation of documents_pkey, and an
-- entry with that of index_entries_pkey: whoever builds an index may have added it. With p_contested an entry may be there.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v8(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_expires timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer, p_contested boolean,
    p_gone_bucket integer[], p_gone_index integer[], p_gone_key bytea[], p_gone_id text[],
    p_entry_bucket integer[], p_entry_index integer[], p_entry_key bytea[], p_entry_id text[],
    p_ordinal bigint[], p_actor text[], p_request text[],
    p_buckets integer[], p_counts bigint[], p_collections integer[], p_versions bigint[]
) RETURNS bigint[] LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    i     integer;
    v     bigint;
    bases bigint[] := '{}';
BEGIN
    IF p_inserts > 0 THEN
        INSERT INTO public.documents (bucket, collection_id, id, revision, schema_revision, created_at, updated_at, expires_at, data)
        SELECT u.bucket, u.collection_id, u.id, u.revision, u.schema_revision, u.created_at, u.at, public.sheaf_expires_v1(u.expires_at), u.data
          FROM unnest(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_expires, p_data)
            AS u(bucket, collection_id, id, base, revision, schema_revision, op, created_at, at, expires_at, data)
         WHERE u.base = 0 AND u.op <> 'd'
         ORDER BY u.bucket, u.collection_id, u.id COLLATE "C";
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
    FOR i IN 1 .. cardinality(p_gone_id) LOOP
        DELETE FROM public.index_entries
         WHERE bucket = p_gone_bucket[i] AND index_id = p_gone_index[i] AND key = p_gone_key[i] AND id = p_gone_id[i];
    END LOOP;
    IF p_contested THEN
        INSERT INTO public.index_entries (bucket, index_id, key, id)
        SELECT u.bucket, u.index_id, u.key, u.id
          FROM unnest(p_entry_bucket, p_entry_index, p_entry_key, p_entry_id) AS u(bucket, index_id, key, id)
            ON CONFLICT DO NOTHING;
    ELSIF cardinality(p_entry_id) > 0 THEN
        INSERT INTO public.index_entries (bucket, index_id, key, id)
        SELECT u.bucket, u.index_id, u.key, u.id
          FROM unnest(p_entry_bucket, p_entry_index, p_entry_key, p_entry_id) AS u(bucket, index_id, key, id);
    END IF;
    FOR i IN 1 .. cardinality(p_buckets) LOOP
        UPDATE public.buckets SET position = position + p_counts[i] WHERE bucket = p_buckets[i] RETURNING position - p_counts[i] INTO STRICT v;
        bases := bases || v;
    END LOOP;
    FOR i IN 1 .. cardinality(p_collections) LOOP
        IF NOT EXISTS (SELECT FROM public.collections WHERE collection_id = p_collections[i] AND revision = p_versions[i] AND state = 'a') THEN
            RAISE EXCEPTION 'a collection is at another revision' USING ERRCODE = 'SH001';
        END IF;
    END LOOP;
    INSERT INTO public.changes (bucket, position, collection_id, id, revision, op, at, actor, request_id, data)
    SELECT u.bucket, bases[array_position(p_buckets, u.bucket)] + u.ordinal, u.collection_id, u.id, u.revision, u.op::"char",
           u.at, u.actor, u.request_id, CASE WHEN u.op <> 'd' THEN u.data END
      FROM unnest(p_bucket, p_ordinal, p_collection, p_id, p_revision, p_op, p_at, p_actor, p_request, p_data)
        AS u(bucket, ordinal, collection_id, id, revision, op, at, actor, request_id, data);
    RETURN bases;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_write_v8;
