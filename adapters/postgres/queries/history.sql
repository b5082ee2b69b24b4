-- name: ListRevisions :many
SELECT position, revision, op::text AS op, at, actor, request_id, (CASE WHEN @with_data::boolean THEN data END)::jsonb AS data
  FROM public.changes
 WHERE bucket = @bucket AND collection_id = @collection_id AND id = @id AND revision < @before
 ORDER BY revision DESC
 LIMIT @page_size;

-- name: GetRevision :one
SELECT position, op::text AS op, at, actor, request_id, data
  FROM public.changes
 WHERE bucket = @bucket AND collection_id = @collection_id AND id = @id AND revision = @revision;

-- Both look-ups go down the revisions of the document until one is found.
-- name: GetDocumentAsOf :one
SELECT c.revision, c.op::text AS op, c.at, c.data,
       coalesce((SELECT b.at
                   FROM public.changes AS b
                  WHERE b.bucket = c.bucket AND b.collection_id = c.collection_id AND b.id = c.id AND b.revision <= c.revision AND b.op = 'c'
                  ORDER BY b.revision DESC
                  LIMIT 1),
                (SELECT k.created_at FROM public.trimmed_documents AS k WHERE k.bucket = c.bucket AND k.collection_id = c.collection_id AND k.id = c.id), c.at)::timestamptz AS created_at
  FROM public.changes AS c
 WHERE c.bucket = @bucket AND c.collection_id = @collection_id AND c.id = @id AND c.at <= @as_of
 ORDER BY c.revision DESC
 LIMIT 1;
