-- name: GetCollection :one
SELECT c.collection_id, c.bucket, c.name, c.revision, c.base, c.state::text AS state, c.created_at, c.updated_at, c.configuration,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', x.index_id, 'name', x.name, 'spec', x.spec, 'state', x.state::text,
                                                     'done', x.done, 'total', x.total, 'failure', x.failure) ORDER BY x.index_id), '[]')
          FROM public.collection_indexes AS x WHERE x.collection_id = c.collection_id)::jsonb AS indexes
  FROM public.collections AS c
 WHERE c.name = @name;

-- name: ListCollections :many
SELECT c.collection_id, c.bucket, c.name, c.revision, c.base, c.state::text AS state, c.created_at, c.updated_at, c.configuration,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', x.index_id, 'name', x.name, 'spec', x.spec, 'state', x.state::text,
                                                     'done', x.done, 'total', x.total, 'failure', x.failure) ORDER BY x.index_id), '[]')
          FROM public.collection_indexes AS x WHERE x.collection_id = c.collection_id)::jsonb AS indexes
  FROM public.collections AS c
 WHERE c.name > @after
 ORDER BY c.name
 LIMIT @page_size;

-- name: ListDeletingCollections :many
SELECT c.collection_id, c.bucket, c.name, c.revision, c.base, c.state::text AS state, c.created_at, c.updated_at, c.configuration,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', x.index_id, 'name', x.name, 'spec', x.spec, 'state', x.state::text,
                                                     'done', x.done, 'total', x.total, 'failure', x.failure) ORDER BY x.index_id), '[]')
          FROM public.collection_indexes AS x WHERE x.collection_id = c.collection_id)::jsonb AS indexes
  FROM public.collections AS c
 WHERE c.state = 'd'
 ORDER BY c.collection_id
 LIMIT @page_size;

-- name: GetFirstRevision :one
SELECT (coalesce((SELECT k.revision FROM public.collection_names AS k WHERE k.name = @name), 0) + 1)::bigint AS revision;

-- name: CountCollections :one
SELECT count(*) FROM public.collections;

-- name: ListCollectionRevisions :many
SELECT revision, at, actor, request_id, configuration
  FROM public.collection_revisions
 WHERE collection_id = @collection_id AND revision < @before
 ORDER BY revision DESC
 LIMIT @page_size;

-- name: ListConfigurationChanges :many
SELECT position, name
  FROM public.configuration_changes
 WHERE position > @after
 ORDER BY position
 LIMIT @page_size;

-- A new collection gets its number first, because the bucket follows from it: collections are dealt out in turn.
-- name: InsertCollection :one
INSERT INTO public.collections (collection_id, bucket, name, revision, state, created_at, updated_at, configuration)
SELECT n::int, (n % @buckets::int)::int, @name::text, 1, 'a', @at::timestamptz, @at::timestamptz, (@configuration::text)::jsonb
  FROM nextval('public.collections_collection_id_seq') AS n
    ON CONFLICT (name) DO NOTHING
RETURNING collection_id, bucket;

-- Whoever had the name before is gone by now, which the statement that took the name cannot know: it may have waited for that.
-- name: ContinueRevisions :one
UPDATE public.collections AS c
   SET revision = coalesce((SELECT k.revision FROM public.collection_names AS k WHERE k.name = c.name), 0) + 1,
       base = coalesce((SELECT k.document_revision FROM public.collection_names AS k WHERE k.name = c.name), 0)
 WHERE c.collection_id = @collection_id
RETURNING c.revision, c.base;

-- name: UpdateCollection :execrows
UPDATE public.collections
   SET revision = revision + 1, state = (@state::text)::"char", updated_at = greatest(updated_at, @at::timestamptz), configuration = (@configuration::text)::jsonb
 WHERE collection_id = @collection_id AND revision = @revision;

-- name: InsertCollectionRevision :exec
INSERT INTO public.collection_revisions (collection_id, revision, at, actor, request_id, configuration)
SELECT c.collection_id, c.revision, c.updated_at, @actor::text, @request_id::text, c.configuration
  FROM public.collections AS c
 WHERE c.collection_id = @collection_id;

-- Position and change in one statement: the row of bucket -1 is locked as late as can be, because every change of a configuration needs it.
-- name: AppendConfigurationChange :exec
WITH next AS (UPDATE public.buckets SET position = position + 1 WHERE bucket = -1 RETURNING position)
INSERT INTO public.configuration_changes (position, collection_id, name, revision, op, at, actor, request_id)
SELECT next.position, c.collection_id, c.name, c.revision, (@op::text)::"char", @at::timestamptz, @actor::text, @request_id::text
  FROM next, public.collections AS c
 WHERE c.collection_id = @collection_id;
