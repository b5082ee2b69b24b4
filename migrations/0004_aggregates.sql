-- +goose Up

-- What aggregations are compiled to, beside the functions of expressions. NULL stands for no value, as it does there, and no function raises an error.

-- Where the kind of a value stands among the kinds; NULL for null, which is last in both directions.
CREATE FUNCTION public.sheaf_rank_v1(jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1)
    WHEN 'boolean' THEN 1 + $1::boolean::integer WHEN 'number' THEN 3 WHEN 'string' THEN 4 WHEN 'array' THEN 5 WHEN 'object' THEN 6
END $$;

-- A piece of an array or object in its order: the beginning of a container, a name, a scalar, or an end, which is below everything.
CREATE TYPE public.sheaf_part_v1 AS (rank integer, n numeric, s text COLLATE "C");

-- The pieces of any value. It calls itself, which SQL could not before it is there.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_pieces_v1(v jsonb) RETURNS public.sheaf_part_v1[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    pieces public.sheaf_part_v1[];
    name   text;
    item   jsonb;
BEGIN
    CASE jsonb_typeof(v)
    WHEN 'array' THEN
        pieces := ARRAY[ROW(5, NULL, NULL)::public.sheaf_part_v1];
        FOR item IN SELECT e.value FROM jsonb_array_elements(v) WITH ORDINALITY AS e(value, n) ORDER BY e.n LOOP
            pieces := pieces || public.sheaf_pieces_v1(item);
        END LOOP;
        RETURN pieces || ROW(0, NULL, NULL)::public.sheaf_part_v1;
    WHEN 'object' THEN
        pieces := ARRAY[ROW(6, NULL, NULL)::public.sheaf_part_v1];
        FOR name, item IN SELECT m.key, m.value FROM jsonb_each(v) AS m ORDER BY m.key COLLATE "C" LOOP
            pieces := pieces || ROW(4, NULL, name)::public.sheaf_part_v1 || public.sheaf_pieces_v1(item);
        END LOOP;
        RETURN pieces || ROW(0, NULL, NULL)::public.sheaf_part_v1;
    ELSE
        RETURN ARRAY[ROW(coalesce(public.sheaf_rank_v1(v), 7), public.sheaf_number_v1(v), public.sheaf_text_v1(v))::public.sheaf_part_v1];
    END CASE;
END $$;
-- +goose StatementEnd

-- The pieces of an array or object, by which these are ordered; NULL for scalars.
CREATE FUNCTION public.sheaf_parts_v1(jsonb) RETURNS public.sheaf_part_v1[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN jsonb_typeof($1) IN ('array', 'object') THEN public.sheaf_pieces_v1($1) END $$;

-- A time as text, in UTC.
CREATE FUNCTION public.sheaf_instant_v1(timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- The bucket of a time in a zone: a date, or for hours and minutes a time with its offset.
CREATE FUNCTION public.sheaf_bucket_v1(timestamptz, text, text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN l.at < '0001-01-01' OR l.at >= '10000-01-01' THEN NULL
    WHEN $2 IN ('hour', 'minute') THEN to_char(date_trunc($2, l.at), 'YYYY-MM-DD"T"HH24:MI:SS') || CASE WHEN l.ahead < 0 THEN '-' ELSE '+' END
        || to_char(abs(l.ahead) / 60, 'FM00') || ':' || to_char(abs(l.ahead) % 60, 'FM00')
    ELSE to_char(date_trunc($2, l.at), 'YYYY-MM-DD')
END FROM (SELECT $1 AT TIME ZONE $3 AS at, trunc(extract(epoch FROM ($1 AT TIME ZONE $3) - ($1 AT TIME ZONE 'UTC')) / 60)::integer AS ahead) AS l $$;

-- A computed value, unless it is too long to be one.
CREATE FUNCTION public.sheaf_bounded_v1(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN octet_length($1::text) <= CASE jsonb_typeof($1) WHEN 'number' THEN 1000 ELSE 1048576 END THEN $1 END $$;

-- The elements that a value is unwound to.
CREATE FUNCTION public.sheaf_unwound_v1(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1) WHEN 'array' THEN $1 WHEN 'null' THEN '[]' ELSE CASE WHEN $1 IS NULL THEN '[]' ELSE jsonb_build_array($1) END END $$;

-- The id of a document that a value refers to: a string, or the digits of a whole number.
CREATE FUNCTION public.sheaf_reference_v1(jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1) WHEN 'string' THEN $1 #>> '{}' WHEN 'number' THEN CASE WHEN $1::numeric = trunc($1::numeric) THEN trunc($1::numeric)::text END END $$;

-- $1 / $2 rounded to 16 digits behind the point, halves away from zero. Nothing is rounded on the way.
CREATE FUNCTION public.sheaf_average_v1(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN $2 > 0 THEN trim_scale(sign($1) * div(abs($1) * 20000000000000000 + $2, 2 * $2) * 0.0000000000000001) END $$;

-- +goose Down
DROP FUNCTION public.sheaf_average_v1;
DROP FUNCTION public.sheaf_reference_v1;
DROP FUNCTION public.sheaf_unwound_v1;
DROP FUNCTION public.sheaf_bounded_v1;
DROP FUNCTION public.sheaf_bucket_v1;
DROP FUNCTION public.sheaf_instant_v1;
DROP FUNCTION public.sheaf_parts_v1;
DROP FUNCTION public.sheaf_pieces_v1;
DROP TYPE public.sheaf_part_v1;
DROP FUNCTION public.sheaf_rank_v1;
