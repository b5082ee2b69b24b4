-- +goose Up

-- Operations: work on the documents of a collection that takes longer than a request. What is to be done and how far it has come stands here, so that any process can go on
-- with it; a step is committed in the transaction of the documents that it changed.
-- The row is updated with every step: with free space in its page an update stays there.
CREATE TABLE public.operations (
    operation_id  text COLLATE "C" NOT NULL PRIMARY KEY, -- they order as time does: the list is read from the end
    bucket        integer          NOT NULL,
    collection_id integer          NOT NULL,
    collection    text COLLATE "C" NOT NULL, -- the name that the collection had
    kind          text             NOT NULL,
    request       jsonb            NOT NULL,
    actor         text             NOT NULL, -- who asked for it
    request_id    text             NOT NULL,
    created_at    timestamptz      NOT NULL,
    started_at    timestamptz,
    ended_at      timestamptz,
    state         text             NOT NULL, -- queued, running, succeeded, failed, cancelled
    phase         text             NOT NULL, -- checking, applying
    cursor        text COLLATE "C" NOT NULL, -- how far the phase has come
    total         bigint           NOT NULL, -- documents to go through, -1 until that is known
    done          bigint           NOT NULL,
    changed       bigint           NOT NULL,
    failed        bigint           NOT NULL,
    first         bigint           NOT NULL, -- positions of the bucket between which its changes lie
    last          bigint           NOT NULL,
    failure       jsonb,                     -- why it failed
    steps         bigint           NOT NULL, -- how many were committed
    holder        text             NOT NULL, -- who claimed it last
    held_until    timestamptz,
    claims        integer          NOT NULL  -- how often it was claimed since it went on last
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Finds what is to be done among what is over, and for each collection what comes first.
CREATE INDEX operations_unfinished ON public.operations (collection_id, operation_id) WHERE state IN ('queued', 'running');

-- Finds what is to be forgotten.
CREATE INDEX operations_ended ON public.operations (ended_at) WHERE ended_at IS NOT NULL;

-- The documents that an operation could not change.
CREATE TABLE public.operation_failures (
    operation_id text COLLATE "C" NOT NULL,
    ordinal      bigint           NOT NULL, -- from 1, in the order in which they came about
    document_id  text COLLATE "C" NOT NULL,
    failure      jsonb            NOT NULL,
    PRIMARY KEY (operation_id, ordinal)
);

-- +goose Down
DROP TABLE public.operation_failures;
DROP TABLE public.operations;
