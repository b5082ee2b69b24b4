-- name: GetDocument :one
SELECT revision, schema_revision, created_at, updated_at, data
  FROM public.documents
 WHERE bucket = @bucket AND collection_id = @collection_id AND id = @id;

-- name: ListDocuments :many
SELECT id, revision, schema_revision, created_at, updated_at, data
  FROM public.documents
 WHERE bucket = @bucket AND collection_id = @collection_id AND id > @after
 ORDER BY id
 LIMIT @page_size;

-- name: CountDocuments :one
SELECT count(*) FROM public.documents WHERE bucket = @bucket AND collection_id = @collection_id;

-- name: CountDocumentsUpTo :one
SELECT count(*) FROM (SELECT FROM public.documents WHERE bucket = @bucket AND collection_id = @collection_id LIMIT @cap) AS counted;

-- name: EstimateDocuments :one
SELECT public.sheaf_estimate_documents_v1(@bucket, @collection_id, @exact)::bigint AS estimate;

-- name: HasDocuments :one
SELECT EXISTS (SELECT FROM public.documents WHERE bucket = @bucket AND collection_id = @collection_id);
