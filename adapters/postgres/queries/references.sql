-- name: CheckTargets :exec
SELECT public.sheaf_check_targets_v1(@target_names::text[], @target_ids::text[], @target_ats::timestamptz[]);

-- name: CheckReferrers :exec
SELECT public.sheaf_check_referrers_v1(@removed_buckets::int[], @removed_collections::int[], @removed_ids::text[], @removed_expired::boolean[]);

-- name: ListReferrers :many
SELECT c.name, c.bucket, c.collection_id, x.path::text AS path, e.id
  FROM public.collections AS t,
       LATERAL (SELECT y.index_id, y.collection_id, y.spec #>> '{on,0}' AS path
                  FROM public.collection_indexes AS y
                 WHERE y.spec ->> 'kind' = 'refers' AND y.spec ->> 'collection' = t.name AND y.state IN ('b', 'r')
                 ORDER BY y.index_id OFFSET 0) AS x,
       LATERAL (SELECT z.name, z.bucket, z.collection_id FROM public.collections AS z WHERE z.collection_id = x.collection_id AND z.state = 'a' OFFSET 0) AS c,
       LATERAL (SELECT i.id FROM public.index_entries AS i
                 WHERE i.bucket = c.bucket AND i.index_id = x.index_id AND i.key = @key
                 ORDER BY i.id LIMIT @page_size) AS e
 WHERE t.collection_id = @collection_id
 LIMIT @page_size;

-- name: ListReferringCollections :many
SELECT DISTINCT c.name
  FROM (SELECT y.collection_id
          FROM public.collection_indexes AS y
         WHERE y.spec ->> 'kind' = 'refers' AND y.spec ->> 'collection' = @name::text AND y.state IN ('b', 'r')) AS x,
       LATERAL (SELECT z.name FROM public.collections AS z WHERE z.collection_id = x.collection_id AND z.state = 'a' OFFSET 0) AS c
 WHERE c.name <> @name
 ORDER BY c.name
 LIMIT @page_size;
