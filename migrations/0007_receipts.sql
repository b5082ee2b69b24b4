-- +goose Up

-- Answers kept for requests that are sent again, by the digest of who sent what key where. It stands instead of a table that was never filled.
DROP TABLE public.idempotency;

CREATE TABLE public.receipts (
    bucket       integer     NOT NULL, -- of the id
    id           bytea       NOT NULL,
    fingerprint  bytea       NOT NULL, -- of the request
    owner        bytea       NOT NULL, -- who serves it
    at           timestamptz NOT NULL,
    leased_until timestamptz NOT NULL, -- until when the owner is believed to be at it
    expires_at   timestamptz NOT NULL,
    status       integer     NOT NULL DEFAULT 0, -- 0 while the request runs
    header       jsonb,
    body         bytea,
    progress     bytea, -- how far a long request is
    -- Finds the answer to a repeated request, and keeps it from running twice.
    PRIMARY KEY (bucket, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- Finds what is to be forgotten. An answer does not move the end of its receipt, so that it need not touch an index.
CREATE INDEX receipts_expiry ON public.receipts (expires_at);

-- Writes outcomes. It fails with SH005, and the elements in the detail, where the owner of a claim is no longer that of the receipt.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_settle_receipts_v1(
    p_bucket integer[], p_id bytea[], p_owner bytea[], p_status integer[], p_header jsonb[], p_body bytea[], p_progress bytea[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    lost integer[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        UPDATE public.receipts
           SET status = p_status[i], header = nullif(p_header[i], 'null'), body = CASE WHEN p_status[i] <> 0 THEN p_body[i] END,
               progress = coalesce(p_progress[i], progress)
         WHERE bucket = p_bucket[i] AND id = p_id[i] AND owner = p_owner[i] AND status = 0;
        IF NOT FOUND THEN
            lost := lost || i;
        END IF;
    END LOOP;
    IF cardinality(lost) > 0 THEN
        RAISE EXCEPTION 'claims are lost' USING ERRCODE = 'SH005', DETAIL = array_to_string(lost, ',');
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_settle_receipts_v1;
DROP TABLE public.receipts;
CREATE TABLE public.idempotency (
    bucket        integer          NOT NULL,
    collection_id integer          NOT NULL,
    actor         text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    fingerprint   bytea            NOT NULL,
    status        integer          NOT NULL,
    response      jsonb,
    created_at    timestamptz      NOT NULL,
    PRIMARY KEY (bucket, collection_id, actor, key)
) WITH (fillfactor = 50);
