-- name: ListChanges :many
SELECT position, collection_id, id, revision, op::text AS op, at, actor, request_id, data
  FROM public.changes
 WHERE bucket = @bucket AND position > @after
 ORDER BY position
 LIMIT @page_size;
