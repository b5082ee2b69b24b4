-- name: ListIndexes :many
SELECT index_id, name, spec, state::text AS state, done, total, failure
  FROM public.collection_indexes
 WHERE collection_id = @collection_id
 ORDER BY index_id;

-- Nobody builds an index of the collection until the transaction ends. Who locks the bucket too does so after this: a build waits for documents, and their writers for the bucket.
-- name: LockIndexes :many
SELECT index_id, name, spec, state::text AS state, done, total, failure
  FROM public.collection_indexes
 WHERE collection_id = @collection_id
 ORDER BY index_id
   FOR UPDATE;

-- name: InsertIndex :exec
INSERT INTO public.collection_indexes (collection_id, name, spec, state, total)
VALUES (@collection_id, @name, (@spec::text)::jsonb, (@state::text)::"char", @total);

-- name: DropIndex :exec
UPDATE public.collection_indexes SET state = 'd' WHERE index_id = @index_id;

-- name: ListUnfinishedIndexes :many
SELECT c.name AS collection, c.bucket, c.collection_id, x.index_id, x.name, x.spec, x.state::text AS state, x.done, x.total, x.failure
  FROM (SELECT u.collection_id, u.index_id, u.name, u.spec, u.state, u.done, u.total, u.failure
          FROM public.collection_indexes AS u
         WHERE u.state IN ('b', 'd') OR u.state = 'f' AND NOT u.purged) AS x,
       LATERAL (SELECT y.name, y.bucket, y.collection_id FROM public.collections AS y WHERE y.collection_id = x.collection_id AND y.state = 'a' OFFSET 0) AS c
 ORDER BY x.index_id
 LIMIT @page_size;

-- name: GetIndexState :one
SELECT state::text AS state, purged, coalesce(spec ->> 'kind' = 'expires', false)::boolean AS expires FROM public.collection_indexes WHERE index_id = @index_id AND collection_id = @collection_id;

-- Of several processes one goes on with the index.
-- name: ClaimBuild :one
SELECT last_id FROM public.collection_indexes WHERE index_id = @index_id AND collection_id = @collection_id AND state = 'b' FOR NO KEY UPDATE SKIP LOCKED;

-- The documents stay as they are until the entries are written.
-- name: ListDocumentsToIndex :many
SELECT id, revision, created_at, updated_at, data
  FROM public.documents
 WHERE bucket = @bucket AND collection_id = @collection_id AND id > @after
 ORDER BY id
 LIMIT @page_size
   FOR SHARE;

-- name: AdvanceBuild :exec
UPDATE public.collection_indexes
   SET last_id = @last_id, done = done + @documents, total = greatest(total, done + @documents), state = (@state::text)::"char", failure = (sqlc.narg(failure)::text)::jsonb
 WHERE index_id = @index_id;

-- Entries that a writer has added already are left alone.
-- name: AddEntries :exec
SELECT public.sheaf_write_entries_v1('{}', '{}', '{}', '{}', @buckets::int[], @indexes::int[], @keys::bytea[], @ids::text[]);

-- The transaction does not wait for the disk. Only what can be lost as a whole and done again may do so.
-- name: CommitWithoutWaiting :exec
SELECT set_config('synchronous_commit', 'off', true);

-- name: AddUniqueEntries :exec
INSERT INTO public.unique_entries (bucket, index_id, key, collection_id, id)
SELECT u.bucket, u.index_id, u.key, u.collection_id, u.id
  FROM (SELECT unnest(@buckets::int[]) AS bucket, unnest(@indexes::int[]) AS index_id, unnest(@keys::bytea[]) AS key,
               unnest(@collections::int[]) AS collection_id, unnest(@ids::text[]) AS id) AS u
 ORDER BY u.bucket, u.index_id, u.key, u.id COLLATE "C"
    ON CONFLICT DO NOTHING;

-- The documents are locked by ListDocumentsToIndex.
-- name: SetExpiries :exec
SELECT public.sheaf_set_expiries_v1(@bucket::int, @collection_id::int, @ids::text[], @expires::timestamptz[]);

-- Who has the keys; '' for a key that nobody has.
-- name: ListUniqueHolders :many
SELECT u.ordinal::int AS ordinal, coalesce(q.id, '')::text AS id
  FROM (SELECT unnest(@buckets::int[]) AS bucket, unnest(@indexes::int[]) AS index_id, unnest(@keys::bytea[]) AS key, generate_subscripts(@buckets::int[], 1) AS ordinal) AS u
  LEFT JOIN LATERAL (
       SELECT x.id FROM public.unique_entries AS x WHERE x.bucket = u.bucket AND x.index_id = u.index_id AND x.key = u.key OFFSET 0) AS q ON true
 ORDER BY u.ordinal;

-- The same of one index, which has to be ready.
-- name: FindKeys :many
SELECT u.ordinal::int AS ordinal, coalesce(q.id, '')::text AS id
  FROM (SELECT unnest(@buckets::int[]) AS bucket, unnest(@keys::bytea[]) AS key, generate_subscripts(@buckets::int[], 1) AS ordinal) AS u
  LEFT JOIN LATERAL (
       SELECT x.id FROM public.unique_entries AS x WHERE x.bucket = u.bucket AND x.index_id = @index_id::int AND x.key = u.key OFFSET 0) AS q ON true
 WHERE public.sheaf_index_ready_v1(@index_id::int)
 ORDER BY u.ordinal;

-- Says whether an index has entries, those that others are removing included.
-- name: HoldsEntries :one
SELECT (EXISTS (SELECT FROM public.index_entries AS e WHERE e.bucket = @bucket AND e.index_id = @index_id)
     OR EXISTS (SELECT FROM public.text_entries AS t WHERE t.bucket = @bucket AND t.index_id = @index_id)
     OR EXISTS (SELECT FROM public.unique_entries AS q WHERE q.bucket = ANY (@buckets::int[]) AND q.index_id = @index_id))::boolean AS holds;

-- Nobody declares an index of the collection until the transaction ends.
-- name: LockIndex :one
SELECT state::text AS state FROM public.collection_indexes WHERE index_id = @index_id AND collection_id = @collection_id FOR UPDATE;

-- Says whether the instants of a collection's documents are those of another index, which a declaration has put in the place of this one.
-- name: ExpiresOtherwise :one
SELECT EXISTS (SELECT FROM public.collection_indexes
                WHERE collection_id = @collection_id AND index_id <> @index_id AND spec ->> 'kind' = 'expires' AND state IN ('b', 'r'));

-- name: FinishPurge :exec
UPDATE public.collection_indexes SET purged = true WHERE index_id = @index_id AND state = 'f';

-- name: DeleteIndex :exec
DELETE FROM public.collection_indexes WHERE index_id = @index_id AND state = 'd';
