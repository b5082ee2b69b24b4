-- +goose Up

-- What expressions are compiled to. NULL stands for an error, as it does in the tree's other interpreter: it goes through every operator,
-- and AND and OR absorb it as they should. A function that raises an error would end the whole statement, so none does.
--
-- Those in SQL that name an argument twice are put into the statement by the planner where the argument is cheap, and called where it
-- is not: an expression is evaluated once, and the text of a statement does not grow with the nesting. They are not STRICT, which would keep the
-- planner from it.

CREATE FUNCTION public.sheaf_bool_v1(jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE jsonb_typeof($1) WHEN 'boolean' THEN $1::boolean END $$;

CREATE FUNCTION public.sheaf_number_v1(jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE jsonb_typeof($1) WHEN 'number' THEN $1::numeric END $$;

CREATE FUNCTION public.sheaf_text_v1(jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE jsonb_typeof($1) WHEN 'string' THEN $1 #>> '{}' END $$;

-- Whether an object has a member; false for a scalar, and an error for an array.
CREATE FUNCTION public.sheaf_has_v1(jsonb, text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE jsonb_typeof($1) WHEN 'object' THEN $1 ? $2 WHEN 'array' THEN NULL ELSE CASE WHEN $1 IS NOT NULL THEN FALSE END END $$;

-- An element of an array. The operator alone would find the scalar in a scalar, and count from the end below 0.
CREATE FUNCTION public.sheaf_item_v1(jsonb, integer) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE jsonb_typeof($1) WHEN 'array' THEN $1 -> $2 END $$;

-- An element of an array by a number, or a member of an object by a string.
CREATE FUNCTION public.sheaf_index_v1(jsonb, jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1)
    WHEN 'array' THEN CASE jsonb_typeof($2) WHEN 'number' THEN
        CASE WHEN $2::numeric >= 0 AND $2::numeric < jsonb_array_length($1) AND $2::numeric = trunc($2::numeric) THEN $1 -> $2::numeric::integer END END
    WHEN 'object' THEN CASE jsonb_typeof($2) WHEN 'string' THEN $1 -> ($2 #>> '{}') END
END $$;

-- Characters, elements or members.
CREATE FUNCTION public.sheaf_size_v1(jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1)
    WHEN 'string' THEN char_length($1 #>> '{}')
    WHEN 'array' THEN jsonb_array_length($1)
    WHEN 'object' THEN jsonb_array_length(jsonb_path_query_array($1, '$.keyvalue()'))
END::numeric $$;

-- Whether $1 is an element of the array, or the name of a member of the object, $2. Containment is equality for a scalar only.
CREATE FUNCTION public.sheaf_in_v1(jsonb, jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($2)
    WHEN 'array' THEN CASE WHEN jsonb_typeof($1) IN ('array', 'object')
        THEN EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof($2) WHEN 'array' THEN $2 END) AS e(item) WHERE e.item = $1) ELSE $2 @> $1 END
    WHEN 'object' THEN CASE jsonb_typeof($1) WHEN 'string' THEN $2 ? ($1 #>> '{}') ELSE CASE WHEN $1 IS NOT NULL THEN FALSE END END
END $$;

-- The same for a scalar $1.
CREATE FUNCTION public.sheaf_in_scalar_v1(jsonb, jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($2)
    WHEN 'array' THEN $2 @> $1
    WHEN 'object' THEN CASE jsonb_typeof($1) WHEN 'string' THEN $2 ? ($1 #>> '{}') ELSE CASE WHEN $1 IS NOT NULL THEN FALSE END END
END $$;

-- An array of values, none of which is an error.
CREATE FUNCTION public.sheaf_list_v1(jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN array_position($1, NULL) IS NULL THEN to_jsonb($1) END $$;

-- What a quantifier asks of: the elements of an array, the names of an object's members. For anything else, one row that is not ok.
CREATE FUNCTION public.sheaf_items_v1(jsonb) RETURNS TABLE (item jsonb, ok boolean) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT e.item, TRUE FROM jsonb_array_elements(
    CASE jsonb_typeof($1) WHEN 'array' THEN $1 WHEN 'object' THEN jsonb_path_query_array($1, '$.keyvalue().key') END) AS e(item)
 WHERE jsonb_typeof($1) IN ('array', 'object')
UNION ALL
SELECT NULL, FALSE WHERE (jsonb_typeof($1) IN ('array', 'object')) IS NOT TRUE $$;

-- Below 0, 0 or above 0, as $1 is less than, equal to or greater than $2; two numbers, two strings or two booleans.
CREATE FUNCTION public.sheaf_order_v1(jsonb, jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) THEN CASE jsonb_typeof($1)
    WHEN 'number' THEN CASE WHEN $1::numeric < $2::numeric THEN -1 WHEN $1::numeric = $2::numeric THEN 0 ELSE 1 END
    WHEN 'string' THEN CASE WHEN ($1 #>> '{}') COLLATE "C" < ($2 #>> '{}') THEN -1 WHEN ($1 #>> '{}') COLLATE "C" = ($2 #>> '{}') THEN 0 ELSE 1 END
    WHEN 'boolean' THEN $1::boolean::integer - $2::boolean::integer
END END $$;

-- The sum of two numbers, or two strings one after the other.
CREATE FUNCTION public.sheaf_plus_v1(jsonb, jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) THEN CASE jsonb_typeof($1)
    WHEN 'number' THEN to_jsonb($1::numeric + $2::numeric)
    WHEN 'string' THEN to_jsonb(($1 #>> '{}') || ($2 #>> '{}'))
END END $$;

CREATE FUNCTION public.sheaf_ends_with_v1(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT right($1, char_length($2)) COLLATE "C" = $2 $$;

-- A number without its fraction, or the number in a string of digits. 1,000 digits are what a document's number may have.
CREATE FUNCTION public.sheaf_int_v1(jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1)
    WHEN 'number' THEN trunc($1::numeric)
    WHEN 'string' THEN CASE WHEN char_length($1 #>> '{}') <= 1000 THEN
        CASE WHEN ($1 #>> '{}') COLLATE "C" ~ '^-?[0-9]+$' THEN ($1 #>> '{}')::numeric END END
END $$;

-- A number, or the number in a string of digits with a fraction perhaps.
CREATE FUNCTION public.sheaf_double_v1(jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE jsonb_typeof($1)
    WHEN 'number' THEN $1::numeric
    WHEN 'string' THEN CASE WHEN char_length($1 #>> '{}') <= 1000 THEN
        CASE WHEN ($1 #>> '{}') COLLATE "C" ~ '^-?[0-9]+([.][0-9]+)?$' THEN ($1 #>> '{}')::numeric END END
END $$;

-- A time of RFC 3339, cut to microseconds, within the years 0001 to 9999. timestamptz would take much more, raise errors for the rest, and
-- refuse offsets above 15 hours: it is given what it cannot misread, and the offset is subtracted.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_timestamp_v1(p text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    y integer;
    m integer;
    last_day integer;
    utc timestamp;
BEGIN
    IF p COLLATE "C" !~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$' THEN
        RETURN NULL;
    END IF;
    y := left(p, 4)::integer;
    m := substr(p, 6, 2)::integer;
    last_day := CASE WHEN m IN (4, 6, 9, 11) THEN 30 WHEN m <> 2 THEN 31 WHEN y % 4 = 0 AND (y % 100 <> 0 OR y % 400 = 0) THEN 29 ELSE 28 END;
    IF y = 0 OR substr(p, 9, 2)::integer > last_day THEN
        RETURN NULL;
    END IF;
    utc := (left(p, 10) || ' ' || substr(p, 12, 8) || coalesce(substring(p FROM '[.][0-9]{1,6}'), ''))::timestamp;
    IF right(p, 1) NOT IN ('Z', 'z') THEN
        utc := utc - right(p, 6)::interval;
    END IF;
    IF utc >= '0001-01-01' AND utc < '10000-01-01' THEN
        RETURN utc AT TIME ZONE 'UTC';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- A time $2 microseconds later, if that is within the years 0001 to 9999. The interval has hours and no days, which would follow the clocks of
-- the session's time zone.
CREATE FUNCTION public.sheaf_shift_v1(timestamptz, bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN extract(epoch FROM $1) * 1000000 + $2 BETWEEN -62135596800000000 AND 253402300799999999
    THEN $1 + make_interval(hours => ($2 / 3600000000)::integer, secs => ($2 % 3600000000)::double precision / 1000000) END $$;

-- The microseconds from $2 to $1.
CREATE FUNCTION public.sheaf_elapsed_v1(timestamptz, timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT ((extract(epoch FROM $1) - extract(epoch FROM $2)) * 1000000)::bigint $$;

-- A length of time that is not too long.
CREATE FUNCTION public.sheaf_span_v1(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN $1 BETWEEN -315576000000000000 AND 315576000000000000 THEN $1 END $$;

-- +goose Down
DROP FUNCTION public.sheaf_span_v1;
DROP FUNCTION public.sheaf_elapsed_v1;
DROP FUNCTION public.sheaf_shift_v1;
DROP FUNCTION public.sheaf_timestamp_v1;
DROP FUNCTION public.sheaf_double_v1;
DROP FUNCTION public.sheaf_int_v1;
DROP FUNCTION public.sheaf_ends_with_v1;
DROP FUNCTION public.sheaf_plus_v1;
DROP FUNCTION public.sheaf_order_v1;
DROP FUNCTION public.sheaf_items_v1;
DROP FUNCTION public.sheaf_list_v1;
DROP FUNCTION public.sheaf_in_scalar_v1;
DROP FUNCTION public.sheaf_in_v1;
DROP FUNCTION public.sheaf_size_v1;
DROP FUNCTION public.sheaf_index_v1;
DROP FUNCTION public.sheaf_item_v1;
DROP FUNCTION public.sheaf_has_v1;
DROP FUNCTION public.sheaf_text_v1;
DROP FUNCTION public.sheaf_number_v1;
DROP FUNCTION public.sheaf_bool_v1;
