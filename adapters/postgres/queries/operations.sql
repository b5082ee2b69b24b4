-- name: GetOperation :one
SELECT operation_id, bucket, collection_id, collection, kind, request, actor, request_id, created_at, started_at, ended_at,
       state, phase, cursor, total, done, changed, failed, first, last, failure, steps, holder, held_until, claims
  FROM public.operations
 WHERE operation_id = @operation_id;

-- Whoever has the row locked is about to write it: what it becomes is seen by the next statement.
-- name: LockOperation :one
SELECT operation_id, bucket, collection_id, collection, kind, request, actor, request_id, created_at, started_at, ended_at,
       state, phase, cursor, total, done, changed, failed, first, last, failure, steps, holder, held_until, claims
  FROM public.operations
 WHERE operation_id = @operation_id
   FOR UPDATE;

-- name: ListOperations :many
SELECT operation_id, bucket, collection_id, collection, kind, request, actor, request_id, created_at, started_at, ended_at,
       state, phase, cursor, total, done, changed, failed, first, last, failure, steps, holder, held_until, claims
  FROM public.operations
 WHERE (@before::text = '' OR operation_id < @before::text)
   AND (@collection::text = '' OR collection = @collection::text)
   AND (@state::text = '' OR state = @state::text)
 ORDER BY operation_id DESC
 LIMIT @page_size;

-- name: ListOperationFailures :many
SELECT document_id, failure
  FROM public.operation_failures
 WHERE operation_id = @operation_id AND ordinal > @after
 ORDER BY ordinal
 LIMIT @page_size;

-- name: InsertOperation :execrows
INSERT INTO public.operations (operation_id, bucket, collection_id, collection, kind, request, actor, request_id, created_at,
       state, phase, cursor, total, done, changed, failed, first, last, steps, holder, claims)
VALUES (@operation_id, @bucket, @collection_id, @collection, @kind, (@request::text)::jsonb, @actor, @request_id, @created_at,
       @state, @phase, @cursor, @total, @done, @changed, @failed, @first, @last, @steps, @holder, @claims)
    ON CONFLICT DO NOTHING;

-- The operations that may be claimed, of each collection only the first that has not ended. Of several callers each takes another.
-- name: FindClaimable :one
SELECT o.operation_id, o.bucket, o.collection_id, o.collection, o.kind, o.request, o.actor, o.request_id, o.created_at, o.started_at, o.ended_at,
       o.state, o.phase, o.cursor, o.total, o.done, o.changed, o.failed, o.first, o.last, o.failure, o.steps, o.holder, o.held_until, o.claims
  FROM public.operations AS o
 WHERE o.state IN ('queued', 'running') AND (o.state = 'queued' OR o.held_until IS NULL OR o.held_until <= @at)
   AND NOT EXISTS (SELECT FROM public.operations AS b
                    WHERE b.state IN ('queued', 'running') AND b.collection_id = o.collection_id AND b.operation_id < o.operation_id)
 ORDER BY o.operation_id
 LIMIT 1
   FOR UPDATE OF o SKIP LOCKED;

-- What an operation is after a step, as long as the holder has it and no other step came first: no row says that this is over.
-- name: StepOperation :execrows
UPDATE public.operations
   SET state = @state, phase = @phase, cursor = @cursor, total = @total, done = @done, changed = @changed, failed = @failed, first = @first,
       failure = (sqlc.narg(failure)::text)::jsonb, steps = steps + 1, holder = @next_holder, held_until = sqlc.narg(held_until), claims = @claims
 WHERE operation_id = @operation_id AND state = 'running' AND holder = @holder AND steps = @taken;

-- name: SetOperation :exec
UPDATE public.operations
   SET state = @state, started_at = sqlc.narg(started_at), holder = @holder, held_until = sqlc.narg(held_until), claims = @claims
 WHERE operation_id = @operation_id;

-- The position is that of all who committed before: the row of the operation was locked by a statement before this one.
-- name: EndOperation :one
UPDATE public.operations AS o
   SET ended_at = @ended_at, last = coalesce((SELECT b.position FROM public.buckets AS b WHERE b.bucket = o.bucket), 0)
 WHERE o.operation_id = @operation_id
RETURNING o.last;

-- name: AddOperationFailures :exec
INSERT INTO public.operation_failures (operation_id, ordinal, document_id, failure)
SELECT @operation_id, n.ordinal + u.ordinal, u.document_id, u.failure::jsonb
  FROM (SELECT coalesce(max(f.ordinal), 0) AS ordinal FROM public.operation_failures AS f WHERE f.operation_id = @operation_id) AS n,
       (SELECT unnest(@document_ids::text[]) AS document_id, unnest(@failures::text[]) AS failure, generate_subscripts(@document_ids::text[], 1) AS ordinal) AS u
 WHERE n.ordinal + u.ordinal <= @most::bigint;

-- name: PurgeOperations :execrows
WITH gone AS (
     DELETE FROM public.operations AS o
      WHERE o.operation_id IN (
            SELECT x.operation_id FROM public.operations AS x
             WHERE x.ended_at < @before
             ORDER BY x.ended_at LIMIT @batch FOR UPDATE SKIP LOCKED)
     RETURNING o.operation_id),
failures AS (
     DELETE FROM public.operation_failures AS f USING gone AS g WHERE f.operation_id = g.operation_id)
SELECT operation_id FROM gone;

-- The changes that a request made, with what was before each. A revision before that is not there was trimmed, or never was.
-- name: ListReversals :many
SELECT c.position, c.id, c.revision, c.op::text AS op, c.at, c.actor, b.data, (b.revision IS NOT NULL)::boolean AS known
  FROM public.changes AS c
  LEFT JOIN LATERAL (
       SELECT x.revision, x.data FROM public.changes AS x
        WHERE x.bucket = c.bucket AND x.collection_id = c.collection_id AND x.id = c.id AND x.revision = c.revision - 1 OFFSET 0) AS b ON c.op <> 'c'
 WHERE c.bucket = @bucket AND c.position > @after AND c.position <= @last AND c.collection_id = @collection_id AND c.request_id = @request_id
 ORDER BY c.position
 LIMIT @page_size;
