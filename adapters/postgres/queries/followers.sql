-- No row says that somebody else has the turn.
-- name: TakeTurn :one
INSERT INTO public.followers AS f (name, holder, held_until)
VALUES (@name, @holder, @held_until)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
 WHERE f.holder = excluded.holder OR f.held_until <= @at
RETURNING f.history, f.configurations, f.documents;

-- name: KeepPlace :execrows
UPDATE public.followers
   SET history = @history::text, configurations = @configurations::bigint, documents = @documents::bigint[]
 WHERE name = @name AND holder = @holder;
