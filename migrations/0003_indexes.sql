-- +goose Up

-- Declared indexes: their states, the building of them, and their entries as a part of every write.

ALTER TABLE public.collection_indexes
    ADD COLUMN last_id text COLLATE "C" NOT NULL DEFAULT '', -- the last document that a build has gone through
    ADD COLUMN done    bigint           NOT NULL DEFAULT 0,  -- how many those are
    ADD COLUMN total   bigint           NOT NULL DEFAULT 0,  -- and of how many, about
    ADD COLUMN failure jsonb,                                -- why it failed
    ADD COLUMN purged  boolean          NOT NULL DEFAULT false; -- a failed one has no entries left

-- The state is b: building, every write maintains it; r: ready; f: failed; d: being deleted.
-- A declaration that is replaced leaves an index of the same name behind until that is deleted.
ALTER TABLE public.collection_indexes DROP CONSTRAINT collection_indexes_name;
CREATE UNIQUE INDEX collection_indexes_name ON public.collection_indexes (collection_id, name) WHERE state <> 'd';

-- The indexes of a collection, those that are being deleted included.
CREATE INDEX collection_indexes_collection ON public.collection_indexes (collection_id, index_id);

COMMENT ON COLUMN public.configuration_changes.op IS 'c: created, u: updated, d: deletion begun, p: removed, i: an index came to another state';

-- Finds the few that are not finished among many.
CREATE INDEX collection_indexes_unfinished ON public.collection_indexes (index_id) WHERE state IN ('b', 'd') OR state = 'f' AND NOT purged;

-- The entries that a write takes away and adds, as parallel arrays in the order of bucket, index and key; among equal keys of a unique index, what goes comes before what is added.
-- Documents come before entries, and unique entries lie in one order: whoever waits for another's key holds nothing that the other waits for.
-- SH003 says which of the unique entries that are to be added, counted from 1, have keys that another document has: its detail has their numbers.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_entries_v1(
    p_gone_bucket integer[], p_gone_index integer[], p_gone_key bytea[], p_gone_id text[],
    p_bucket integer[], p_index integer[], p_key bytea[], p_id text[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    -- One statement for each row, with the whole key: a join with a set may be planned as a scan of the whole index.
    FOR i IN 1 .. cardinality(p_gone_id) LOOP
        DELETE FROM public.index_entries
         WHERE bucket = p_gone_bucket[i] AND index_id = p_gone_index[i] AND key = p_gone_key[i] AND id = p_gone_id[i];
    END LOOP;
    IF cardinality(p_id) > 0 THEN
        INSERT INTO public.index_entries (bucket, index_id, key, id)
        SELECT u.bucket, u.index_id, u.key, u.id
          FROM unnest(p_bucket, p_index, p_key, p_id) AS u(bucket, index_id, key, id)
            ON CONFLICT DO NOTHING;
    END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_unique_v1(
    p_bucket integer[], p_index integer[], p_key bytea[], p_collection integer[], p_id text[], p_gone boolean[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    refused integer[] := '{}';
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
            refused := refused || i;
        END IF;
    END LOOP;
    IF cardinality(refused) > 0 THEN
        RAISE EXCEPTION 'unique keys are taken' USING ERRCODE = 'SH003', DETAIL = array_to_string(refused, ',');
    END IF;
END $$;
-- +goose StatementEnd

-- sheaf_write_v1 with entries: a whole write in one statement. Locks are taken in one order by everybody: documents, entries, then buckets, then nothing.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_write_v2(
    p_bucket integer[], p_collection integer[], p_id text[], p_base bigint[], p_revision bigint[], p_schema bigint[], p_op text[],
    p_created timestamptz[], p_at timestamptz[], p_data jsonb[], p_order integer[], p_inserts integer,
    p_gone_bucket integer[], p_gone_index integer[], p_gone_key bytea[], p_gone_id text[],
    p_entry_bucket integer[], p_entry_index integer[], p_entry_key bytea[], p_entry_id text[],
    p_unique_bucket integer[], p_unique_index integer[], p_unique_key bytea[], p_unique_collection integer[], p_unique_id text[], p_unique_gone boolean[],
    p_ordinal bigint[], p_actor text[], p_request text[],
    p_buckets integer[], p_counts bigint[], p_collections integer[], p_versions bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    bases bigint[];
BEGIN
    PERFORM public.sheaf_write_documents_v1(p_bucket, p_collection, p_id, p_base, p_revision, p_schema, p_op, p_created, p_at, p_data, p_order, p_inserts);
    PERFORM public.sheaf_write_entries_v1(p_gone_bucket, p_gone_index, p_gone_key, p_gone_id, p_entry_bucket, p_entry_index, p_entry_key, p_entry_id);
    IF cardinality(p_unique_id) > 0 THEN
        PERFORM public.sheaf_write_unique_v1(p_unique_bucket, p_unique_index, p_unique_key, p_unique_collection, p_unique_id, p_unique_gone);
    END IF;
    bases := public.sheaf_take_positions_v1(p_buckets, p_counts, p_collections, p_versions);
    PERFORM public.sheaf_append_changes_v1(p_buckets, bases, p_bucket, p_ordinal, p_collection, p_id, p_revision, p_op, p_at, p_actor, p_request, p_data);
END $$;
-- +goose StatementEnd

-- Fails with SH004 unless the index is ready. A search names it in its condition: a process may take an index for ready that is gone since, and whose entries are being removed.
-- It is STABLE, so that it sees what the search sees and runs once for each.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_index_ready_v1(p_index integer) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.collection_indexes WHERE index_id = p_index AND state = 'r') THEN
        RAISE EXCEPTION 'an index is not ready' USING ERRCODE = 'SH004';
    END IF;
    RETURN true;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_index_ready_v1;
COMMENT ON COLUMN public.configuration_changes.op IS NULL;
DROP FUNCTION public.sheaf_write_v2;
DROP FUNCTION public.sheaf_write_unique_v1;
DROP FUNCTION public.sheaf_write_entries_v1;
DROP INDEX public.collection_indexes_unfinished;
DROP INDEX public.collection_indexes_collection;
DROP INDEX public.collection_indexes_name;
-- What the version before does not know goes, or it would keep two indexes of one name.
DELETE FROM public.index_entries AS e USING public.collection_indexes AS x WHERE x.index_id = e.index_id;
DELETE FROM public.unique_entries AS e USING public.collection_indexes AS x WHERE x.index_id = e.index_id;
DELETE FROM public.collection_indexes;
ALTER TABLE public.collection_indexes
    DROP COLUMN purged,
    DROP COLUMN failure,
    DROP COLUMN total,
    DROP COLUMN done,
    DROP COLUMN last_id,
    ADD CONSTRAINT collection_indexes_name UNIQUE (collection_id, name);
