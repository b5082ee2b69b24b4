-- +goose Up

-- Writes say at which positions their changes are: what a bucket was at before, for each of p_buckets.
-- Else sheaf_write_v4 is sheaf_write_v1, and sheaf_write_v5 is sheaf_write_v3.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v4(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer,
    p_ordinal bigint[], p_actor text[], p_request text[],
    p_buckets integer[], p_counts bigint[], p_collections integer[], p_versions bigint[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    bases bigint[];
BEGIN
    PERFORM public.sheaf_write_documents_v1(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_data, p_order, p_inserts);
    bases := public.sheaf_take_positions_v1(p_buckets, p_counts, p_collections, p_versions);
    PERFORM public.sheaf_append_changes_v1(p_buckets, bases, p_bucket, p_ordinal, p_collection, p_id, p_revision, p_op, p_at, p_actor, p_request, p_data);
    RETURN bases;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v5(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer,
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
    RETURN bases;
END $$;
-- +goose StatementEnd

-- Names the history that positions count: a restored copy has another one, and so has a server that was promoted, which may have lost the newest commits.
-- Where a service does not let us look, what it does not tell is left out.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_history_v1() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    name text := (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database());
BEGIN
    BEGIN
        name := name || '-' || (SELECT system_identifier FROM pg_catalog.pg_control_system());
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        name := name || '-' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    RETURN name;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_history_v1;
DROP FUNCTION public.sheaf_write_v5;
DROP FUNCTION public.sheaf_write_v4;
