-- +goose Up

-- sheaf_facet_overflow_v1 with a state of its own: SH006 is also that of references which lead nowhere.
-- +goose StatementBegin
CREATE FUNCTION public.sheaf_facet_overflow_v2(p_list text) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'too many rows in a facet' USING ERRCODE = 'SH008', DETAIL = p_list;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION public.sheaf_facet_overflow_v2;
