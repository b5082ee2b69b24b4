-- The collections of which something has expired. Each has one index that says when its documents do, and beside it perhaps one that is being deleted.
-- name: ListDueCollections :many
SELECT c.name, c.bucket, c.collection_id
  FROM (SELECT x.collection_id FROM public.collection_indexes AS x WHERE x.spec ->> 'kind' = 'expires' AND x.state IN ('b', 'r')) AS i,
       LATERAL (SELECT y.name, y.bucket, y.collection_id FROM public.collections AS y WHERE y.collection_id = i.collection_id AND y.state = 'a' OFFSET 0) AS c,
       LATERAL (SELECT FROM public.documents AS z WHERE z.bucket = c.bucket AND z.collection_id = c.collection_id AND z.expires_at <= @at::timestamptz LIMIT 1) AS d
 LIMIT @page_size;

-- name: ListDueDocuments :many
SELECT id FROM public.documents
 WHERE bucket = @bucket AND collection_id = @collection_id AND expires_at <= @at::timestamptz
 ORDER BY expires_at
 LIMIT @page_size;

-- name: HoldsExpiries :one
SELECT EXISTS (SELECT FROM public.documents WHERE bucket = @bucket AND collection_id = @collection_id AND expires_at IS NOT NULL);
