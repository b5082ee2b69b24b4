-- name: ListRetainingCollections :many
SELECT name, bucket, collection_id FROM public.collections
 WHERE configuration ? 'history' AND state = 'a' AND name > @after
 ORDER BY name
 LIMIT @page_size;

-- name: TrimHistory :one
SELECT public.sheaf_trim_history_v1(@bucket::int, @collection_id::int, (@reason::text)::"char", @keep::int, @before::timestamptz, @batch::int)::boolean AS done;

-- name: GetTrimmed :one
SELECT coalesce(max(trimmed), 0)::bigint AS trimmed FROM public.history_trims WHERE collection_id = @collection_id;

-- From which revision on the history of a document is kept.
-- name: GetTrimmedDocument :one
SELECT revision FROM public.trimmed_documents WHERE bucket = @bucket AND collection_id = @collection_id AND id = @id;

-- name: PurgeTrimmedDocuments :execrows
DELETE FROM public.trimmed_documents AS d
 WHERE d.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.trimmed_documents AS x
        WHERE x.bucket = @bucket AND x.collection_id = @collection_id
        LIMIT @batch FOR UPDATE SKIP LOCKED));

-- What somebody left who was still at it goes as well.
-- name: DeleteTrims :exec
WITH documents AS (
     DELETE FROM public.trimmed_documents AS d WHERE d.bucket = @bucket AND d.collection_id = @collection_id)
DELETE FROM public.history_trims AS t WHERE t.collection_id = @collection_id;
