-- Removing what a deleted collection leaves behind. Rows that another process is removing are skipped, so several may work at once.
-- The locked rows are deleted by their places: with their keys, the planner may scan the whole collection for each batch.

-- name: GetCollectionState :one
SELECT state::text AS state FROM public.collections WHERE bucket = @bucket AND collection_id = @collection_id;

-- name: PurgeDocuments :execrows
DELETE FROM public.documents AS d
 WHERE d.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.documents AS x
        WHERE x.bucket = @bucket AND x.collection_id = @collection_id
        ORDER BY x.id LIMIT @batch FOR UPDATE SKIP LOCKED));

-- The highest revision among those that go is kept with the name.
-- name: PurgeChanges :one
WITH gone AS (
     DELETE FROM public.changes AS c
      WHERE c.ctid = ANY (ARRAY(
            SELECT x.ctid FROM public.changes AS x
             WHERE x.bucket = @bucket AND x.collection_id = @collection_id
             ORDER BY x.id, x.revision LIMIT @batch FOR UPDATE SKIP LOCKED))
     RETURNING c.revision),
kept AS (
     INSERT INTO public.collection_names AS k (name, revision, document_revision)
     SELECT n.name, n.revision, g.highest
       FROM (SELECT max(gone.revision) AS highest FROM gone) AS g, public.collections AS n
      WHERE n.collection_id = @collection_id AND g.highest IS NOT NULL
         ON CONFLICT (name) DO UPDATE SET document_revision = greatest(k.document_revision, excluded.document_revision))
SELECT count(*) FROM gone;

-- name: ListIndexIDs :many
SELECT index_id FROM public.collection_indexes WHERE collection_id = @collection_id ORDER BY index_id;

-- name: PurgeIndexEntries :execrows
DELETE FROM public.index_entries AS e
 WHERE e.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.index_entries AS x
        WHERE x.bucket = @bucket AND x.index_id = @index_id
        LIMIT @batch FOR UPDATE SKIP LOCKED));

-- name: PurgeTextEntries :execrows
DELETE FROM public.text_entries AS e
 WHERE e.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.text_entries AS x
        WHERE x.bucket = @bucket AND x.index_id = @index_id
        LIMIT @batch FOR UPDATE SKIP LOCKED));

-- name: PurgeExpiries :execrows
UPDATE public.documents AS d SET expires_at = NULL
 WHERE d.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.documents AS x
        WHERE x.bucket = @bucket AND x.collection_id = @collection_id AND x.expires_at IS NOT NULL
        LIMIT @batch FOR UPDATE SKIP LOCKED));

-- The entries of a unique index lie in the buckets of their keys, so all of them are looked into.
-- name: PurgeUniqueEntries :execrows
DELETE FROM public.unique_entries AS e
 WHERE e.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.unique_entries AS x
        WHERE x.bucket = ANY (@buckets::int[]) AND x.index_id = @index_id
        LIMIT @batch FOR UPDATE SKIP LOCKED));

-- Says whether anything is left, rows that others hold included.
-- name: HoldsAnything :one
SELECT (EXISTS (SELECT FROM public.documents AS d WHERE d.bucket = @bucket AND d.collection_id = @collection_id)
     OR EXISTS (SELECT FROM public.changes AS c WHERE c.bucket = @bucket AND c.collection_id = @collection_id)
     OR EXISTS (SELECT FROM public.collection_indexes AS n WHERE n.collection_id = @collection_id
                   AND (EXISTS (SELECT FROM public.index_entries AS e WHERE e.bucket = @bucket AND e.index_id = n.index_id)
                     OR EXISTS (SELECT FROM public.text_entries AS t WHERE t.bucket = @bucket AND t.index_id = n.index_id)
                     OR EXISTS (SELECT FROM public.unique_entries AS q
                                 WHERE q.bucket = ANY (@buckets::int[]) AND q.index_id = n.index_id)))
       )::boolean AS holds;

-- name: LockDeletingCollection :one
SELECT updated_at FROM public.collections WHERE collection_id = @collection_id AND state = 'd' FOR UPDATE;

-- name: KeepRevisions :exec
INSERT INTO public.collection_names AS k (name, revision, document_revision)
SELECT n.name, n.revision, n.base FROM public.collections AS n WHERE n.collection_id = @collection_id
    ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, document_revision = greatest(k.document_revision, excluded.document_revision);

-- name: DeleteCollectionIndexes :exec
DELETE FROM public.collection_indexes WHERE collection_id = @collection_id;

-- name: DeleteCollectionRevisions :exec
DELETE FROM public.collection_revisions WHERE collection_id = @collection_id;

-- name: DeleteCollection :exec
DELETE FROM public.collections WHERE collection_id = @collection_id;
