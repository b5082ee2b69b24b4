-- name: ListChanges :many
SELECT position, collection_id, id, revision, op::text AS op, at, actor, request_id, data
  FROM public.changes
 WHERE bucket = @bucket AND position > @after
 ORDER BY position
 LIMIT @page_size;

-- What happened in every bucket after a position: its newest position, and the documents that changed, at most so many of a bucket. A bucket of which nothing
-- is new has one row, without a document.
-- name: ListTouched :many
SELECT f.bucket::int AS bucket, b.position AS newest,
       coalesce(t.position, 0)::bigint AS position, coalesce(t.collection_id, 0)::int AS collection_id, coalesce(t.id, '')::text AS id
  FROM (SELECT unnest(@buckets::int[]) AS bucket, unnest(@after::bigint[]) AS after) AS f
 CROSS JOIN LATERAL (SELECT x.position FROM public.buckets AS x WHERE x.bucket = f.bucket OFFSET 0) AS b
  LEFT JOIN LATERAL (
       SELECT x.position, x.collection_id, x.id
         FROM public.changes AS x
        WHERE b.position > f.after AND x.bucket = f.bucket AND x.position > f.after
        ORDER BY x.position LIMIT @touched) AS t ON true
 ORDER BY 1, 3;

-- The file of the table that keeps the positions is another one when it was truncated or made anew: a dump that is put back into the same database counts from somewhere else.
-- name: GetHistory :one
SELECT (public.sheaf_history_v1() || '-' || pg_catalog.pg_relation_filenode('public.buckets'::regclass))::text AS history;
