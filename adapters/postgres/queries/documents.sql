-- name: GetDocument :one
SELECT revision, schema_revision, created_at, updated_at, data
  FROM public.documents
 WHERE bucket = @bucket AND collection_id = @collection_id AND id = @id;

-- Point reads that came together. Every look-up is a subquery for one row with the whole key: a join with a set may be planned as a scan of the whole collection.
-- name: GetDocuments :many
SELECT u.ordinal::int AS ordinal, d.revision, d.schema_revision, d.created_at, d.updated_at, d.data
  FROM (SELECT unnest(@buckets::int[]) AS bucket, unnest(@collections::int[]) AS collection_id, unnest(@ids::text[]) AS id,
               generate_subscripts(@buckets::int[], 1) AS ordinal) AS u,
       LATERAL (
       SELECT x.revision, x.schema_revision, x.created_at, x.updated_at, x.data
         FROM public.documents AS x
        WHERE x.bucket = u.bucket AND x.collection_id = u.collection_id AND x.id = u.id OFFSET 0) AS d;

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
