-- +goose Up

-- History that is not kept for ever. A revision may go when another one has followed it long enough ago, or enough others have; the newest one of a document always stays, for it
-- says which revision comes next.

-- Finds the collections whose history is trimmed among many.
CREATE INDEX collections_history ON public.collections (name) WHERE configuration ? 'history';

-- How far the changes of a collection were gone through, for each of the reasons for which revisions go.
CREATE TABLE public.history_trims (
    collection_id integer NOT NULL,
    reason        "char"  NOT NULL, -- a: age, n: number
    position      bigint  NOT NULL DEFAULT 0, -- of its bucket, up to which changes were gone through
    keep          integer NOT NULL DEFAULT 0, -- how many revisions were left then
    trimmed       bigint  NOT NULL DEFAULT 0, -- the newest change that is gone: who follows the feed from before it has missed something
    PRIMARY KEY (collection_id, reason)
);

-- What is kept of the beginning of a history: from which revision on it is there, and when the document was created that had it.
CREATE TABLE public.trimmed_documents (
    bucket        integer          NOT NULL,
    collection_id integer          NOT NULL,
    id            text COLLATE "C" NOT NULL,
    revision      bigint           NOT NULL,
    created_at    timestamptz,
    PRIMARY KEY (bucket, collection_id, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- Goes through the next p_limit changes of a bucket, up to the first one of the collection that is not old enough: each of those has every revision of its document removed but the
-- p_keep newest up to itself. Says whether there is nothing left to do. Of several processes one does it, and the others have nothing to do.
-- Positions are given out in the order of commits: nothing comes in below where it has been.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_trim_history_v1(p_bucket integer, p_collection integer, p_reason "char", p_keep integer, p_before timestamptz, p_limit integer)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    t     record;
    c     record;
    gone  record;
    first record;
    last  bigint;
    seen  integer := 0;
    ended boolean := false;
BEGIN
    -- Whoever removes the collection waits until this is done.
    PERFORM FROM public.collections AS x WHERE x.collection_id = p_collection AND x.state = 'a' FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN true;
    END IF;
    INSERT INTO public.history_trims (collection_id, reason) VALUES (p_collection, p_reason) ON CONFLICT DO NOTHING;
    SELECT x.position, x.keep, x.trimmed INTO t FROM public.history_trims AS x
     WHERE x.collection_id = p_collection AND x.reason = p_reason FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN true;
    END IF;
    IF t.keep > p_keep THEN
        t.position := 0; -- less is to be left than was: all of it is gone through again
    END IF;
    last := t.position;
    FOR c IN
        SELECT x.position, x.collection_id, x.id, x.revision, x.at FROM public.changes AS x
         WHERE x.bucket = p_bucket AND x.position > t.position ORDER BY x.position LIMIT p_limit
    LOOP
        seen := seen + 1;
        IF c.collection_id = p_collection THEN
            IF c.at >= p_before THEN
                ended := true;
                EXIT;
            END IF;
            WITH d AS (
                 DELETE FROM public.changes AS x
                  WHERE x.bucket = p_bucket AND x.collection_id = p_collection AND x.id = c.id AND x.revision <= c.revision - p_keep
                 RETURNING x.position, x.revision, x.op, x.at)
            SELECT max(d.position) AS newest, (array_agg(d.at ORDER BY d.revision DESC) FILTER (WHERE d.op = 'c'))[1] AS created_at INTO gone FROM d;
            IF gone.newest IS NOT NULL THEN
                t.trimmed := greatest(t.trimmed, gone.newest);
                SELECT x.revision, x.op, x.at INTO STRICT first FROM public.changes AS x
                 WHERE x.bucket = p_bucket AND x.collection_id = p_collection AND x.id = c.id ORDER BY x.revision LIMIT 1;
                INSERT INTO public.trimmed_documents AS k (bucket, collection_id, id, revision, created_at)
                VALUES (p_bucket, p_collection, c.id, first.revision, CASE first.op WHEN 'c' THEN first.at ELSE gone.created_at END)
                    ON CONFLICT (bucket, collection_id, id)
                    DO UPDATE SET revision = excluded.revision, created_at = coalesce(excluded.created_at, k.created_at);
            END IF;
        END IF;
        last := c.position;
    END LOOP;
    IF last <> t.position OR t.keep <> p_keep THEN
        UPDATE public.history_trims SET position = last, keep = p_keep, trimmed = t.trimmed WHERE collection_id = p_collection AND reason = p_reason;
    END IF;
    RETURN ended OR seen < p_limit;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_trim_history_v1;
DROP TABLE public.trimmed_documents;
DROP TABLE public.history_trims;
DROP INDEX public.collections_history;
