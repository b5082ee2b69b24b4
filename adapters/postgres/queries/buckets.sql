-- name: GetPosition :one
SELECT position FROM public.buckets WHERE bucket = @bucket;

-- Nobody commits a write to the bucket until the transaction ends.
-- name: LockBucket :exec
SELECT position FROM public.buckets WHERE bucket = @bucket FOR UPDATE;
