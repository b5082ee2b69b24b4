-- A claim, and what becomes of its lease, need not outlive a crash of the server: whoever holds the claim finds it lost then, and whoever wrote an outcome
-- has made it durable with that. So nobody waits for the disk.

-- name: InsertReceipt :execrows
INSERT INTO public.receipts (bucket, id, fingerprint, owner, at, leased_until, expires_at)
SELECT @bucket::int, @id::bytea, @fingerprint::bytea, @owner::bytea, @at::timestamptz, @leased_until::timestamptz, @expires_at::timestamptz
  FROM set_config('synchronous_commit', 'off', true)
    ON CONFLICT (bucket, id) DO NOTHING;

-- name: GetReceipt :one
SELECT fingerprint, owner, at, leased_until, expires_at, status, header, body, progress
  FROM public.receipts
 WHERE bucket = @bucket AND id = @id;

-- Takes a receipt over, as long as it is what was read of it: a transaction of who had it may be committing, and leave how far it has come.
-- name: TakeReceipt :execrows
UPDATE public.receipts
   SET fingerprint = @fingerprint, owner = @owner, at = @at, leased_until = @leased_until, expires_at = @expires_at,
       status = 0, header = NULL, body = NULL, progress = @progress
  FROM set_config('synchronous_commit', 'off', true)
 WHERE bucket = @bucket AND id = @id AND owner = @before_owner AND status = @before_status AND leased_until = @before_leased_until AND expires_at = @before_expires_at
   AND progress IS NOT DISTINCT FROM @before_progress::bytea;

-- name: RenewReceipt :execrows
UPDATE public.receipts
   SET leased_until = @leased_until, expires_at = @expires_at
  FROM set_config('synchronous_commit', 'off', true)
 WHERE bucket = @bucket AND id = @id AND owner = @owner AND status = 0;

-- name: ReleaseReceipt :exec
UPDATE public.receipts
   SET leased_until = 'epoch'
  FROM set_config('synchronous_commit', 'off', true)
 WHERE bucket = @bucket AND id = @id AND owner = @owner AND status = 0;

-- name: SettleReceipts :exec
SELECT public.sheaf_settle_receipts_v1(@buckets::int[], @ids::bytea[], @owners::bytea[], @statuses::int[], (@headers::text[])::jsonb[], @bodies::bytea[], @progresses::bytea[]);

-- name: PurgeReceipts :execrows
DELETE FROM public.receipts AS r
 WHERE r.ctid = ANY (ARRAY(
       SELECT x.ctid FROM public.receipts AS x
        WHERE x.expires_at <= @at::timestamptz
        ORDER BY x.expires_at LIMIT @batch FOR UPDATE SKIP LOCKED));
