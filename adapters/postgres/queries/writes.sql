-- What a write decides on: the documents as they are, the highest revision of those that are not there, and the revision of the active collection.
-- Every look-up is a subquery for one row with the whole key: a join with a set may be planned as a scan of the whole collection.
-- name: ReadForWrite :many
SELECT u.ordinal::int AS ordinal,
       coalesce((SELECT c.revision FROM public.collections AS c WHERE c.collection_id = u.collection_id AND c.state = 'a'), 0)::bigint AS active,
       coalesce(d.revision, 0)::bigint AS revision, coalesce(d.schema_revision, 0)::bigint AS schema_revision,
       coalesce(d.created_at, 'epoch')::timestamptz AS created_at, coalesce(d.updated_at, 'epoch')::timestamptz AS updated_at, d.data,
       coalesce(l.revision, 0)::bigint AS last
  FROM (SELECT unnest(@buckets::int[]) AS bucket, unnest(@collections::int[]) AS collection_id, unnest(@ids::text[]) AS id,
               generate_subscripts(@buckets::int[], 1) AS ordinal) AS u
  LEFT JOIN LATERAL (
       SELECT x.revision, x.schema_revision, x.created_at, x.updated_at, x.data
         FROM public.documents AS x
        WHERE x.bucket = u.bucket AND x.collection_id = u.collection_id AND x.id = u.id OFFSET 0) AS d ON true
  LEFT JOIN LATERAL (
       SELECT h.revision
         FROM public.changes AS h
        WHERE d.revision IS NULL AND h.bucket = u.bucket AND h.collection_id = u.collection_id AND h.id = u.id
        ORDER BY h.revision DESC LIMIT 1) AS l ON true;

-- Locks the documents, and those that the write makes others refer to, in the order of locks.
-- name: LockDocuments :exec
SELECT public.sheaf_lock_documents_v1(
       @locked_buckets::int[], @locked_collections::int[], @locked_ids::text[], @locked_removed::boolean[], @target_names::text[], @target_ids::text[]);

-- name: Write :one
SELECT public.sheaf_write_v8(
       @buckets::int[], @collections::int[], @ids::text[], @bases::bigint[], @revisions::bigint[], @schema_revisions::bigint[], @ops::text[],
       @created::timestamptz[], @ats::timestamptz[], @expires::timestamptz[], (@datas::text[])::jsonb[], @lock_order::int[], @inserts::int, @contested::boolean,
       @gone_buckets::int[], @gone_indexes::int[], @gone_keys::bytea[], @gone_ids::text[],
       @entry_buckets::int[], @entry_indexes::int[], @entry_keys::bytea[], @entry_ids::text[],
       @ordinals::bigint[], @actors::text[], @request_ids::text[],
       @taken_buckets::int[], @taken_counts::bigint[], @checked_collections::int[], @checked_revisions::bigint[])::bigint[] AS bases;

-- name: WriteWithEntries :one
SELECT public.sheaf_write_v7(
       @buckets::int[], @collections::int[], @ids::text[], @bases::bigint[], @revisions::bigint[], @schema_revisions::bigint[], @ops::text[],
       @created::timestamptz[], @ats::timestamptz[], @expires::timestamptz[], (@datas::text[])::jsonb[], @lock_order::int[], @inserts::int,
       @gone_buckets::int[], @gone_indexes::int[], @gone_keys::bytea[], @gone_ids::text[],
       @entry_buckets::int[], @entry_indexes::int[], @entry_keys::bytea[], @entry_ids::text[],
       @text_buckets::int[], @text_indexes::int[], @text_ids::text[], @text_gone::boolean[], @languages::text[], @a::text[], @b::text[], @c::text[], @d::text[],
       @unique_buckets::int[], @unique_indexes::int[], @unique_keys::bytea[], @unique_collections::int[], @unique_ids::text[], @unique_gone::boolean[],
       @locked_buckets::int[], @locked_collections::int[], @locked_ids::text[], @locked_removed::boolean[],
       @target_names::text[], @target_ids::text[], @target_ats::timestamptz[],
       @removed_buckets::int[], @removed_collections::int[], @removed_ids::text[], @removed_expired::boolean[],
       @ordinals::bigint[], @actors::text[], @request_ids::text[],
       @taken_buckets::int[], @taken_counts::bigint[], @checked_collections::int[], @checked_revisions::bigint[])::bigint[] AS bases;

-- name: WriteEntries :exec
SELECT public.sheaf_write_entries_v1(
       @gone_buckets::int[], @gone_indexes::int[], @gone_keys::bytea[], @gone_ids::text[],
       @entry_buckets::int[], @entry_indexes::int[], @entry_keys::bytea[], @entry_ids::text[]);

-- name: WriteTexts :exec
SELECT public.sheaf_write_texts_v1(
       @text_buckets::int[], @text_indexes::int[], @text_ids::text[], @text_gone::boolean[], @languages::text[], @a::text[], @b::text[], @c::text[], @d::text[]);

-- name: WriteUnique :exec
SELECT public.sheaf_write_unique_v2(
       @unique_buckets::int[], @unique_indexes::int[], @unique_keys::bytea[], @unique_collections::int[], @unique_ids::text[], @unique_gone::boolean[]);

-- name: WriteDocuments :exec
SELECT public.sheaf_write_documents_v2(
       @buckets::int[], @collections::int[], @ids::text[], @bases::bigint[], @revisions::bigint[], @schema_revisions::bigint[], @ops::text[],
       @created::timestamptz[], @ats::timestamptz[], @expires::timestamptz[], (@datas::text[])::jsonb[], @lock_order::int[], @inserts::int);

-- name: TakePositions :one
SELECT public.sheaf_take_positions_v1(@taken_buckets::int[], @taken_counts::bigint[], @checked_collections::int[], @checked_revisions::bigint[])::bigint[] AS bases;

-- name: AppendChanges :exec
SELECT public.sheaf_append_changes_v1(
       @taken_buckets::int[], @taken_bases::bigint[],
       @buckets::int[], @ordinals::bigint[], @collections::int[], @ids::text[], @revisions::bigint[], @ops::text[],
       @ats::timestamptz[], @actors::text[], @request_ids::text[], (@datas::text[])::jsonb[]);

-- name: CheckDocuments :exec
SELECT public.sheaf_check_documents_v1(@buckets::int[], @collections::int[], @ids::text[], @revisions::bigint[]);
