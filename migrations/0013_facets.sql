-- +goose Up

-- Fails with SH006, and says of which list of a facet there are too many rows. It is volatile, so that nobody calls it before that is known.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_facet_overflow_v1(p_list text) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'too many rows in a facet' USING ERRCODE = 'SH006', DETAIL = p_list;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_facet_overflow_v1;
