-- +goose Up

-- Followers: how far those have come who read the feed from a position of their own, such as the sender of purges, and whose turn it is.
-- The row is updated again and again: with free space in its page an update stays there.
CREATE TABLE public.followers (
    name           text COLLATE "C" NOT NULL PRIMARY KEY,
    holder         text             NOT NULL,
    held_until     timestamptz      NOT NULL,
    history        text,     -- these three are null until a place is kept
    configurations bigint,   -- position of configuration_changes
    documents      bigint[]  -- positions of all buckets, by their numbers
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- +goose Down
DROP TABLE public.followers;
