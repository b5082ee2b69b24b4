package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// suite has the cases that JSON parsers are known to differ in. Their names are those of the usual collections:
// y is accepted, n is not JSON, and i is what the standard leaves open, with our answer in code.
var suite = []struct {
	name, src string
	code      string // of the first violation; "" when accepted
}{
	{"y_array_empty", `[]`, ""},
	{"y_array_spaces", "[ 1 ,\t2\r\n, 3 ]", ""},
	{"y_array_heterogeneous", `[null, 1, "1", {}]`, ""},
	{"y_array_trailing_space", `[2] `, ""},
	{"y_array_with_several_null", `[1,null,null,null,2]`, ""},
	{"y_number_0e+1", `[0e+1]`, ""},
	{"y_number_0e1", `[0e1]`, ""},
	{"y_number_after_space", `[ 4]`, ""},
	{"y_number_close_to_zero", `[-0.` + strings.Repeat("0", 77) + `1]`, ""},
	{"y_number_int_with_exp", `[20e1]`, ""},
	{"y_number_minus_zero", `[-0]`, ""},
	{"y_number_negative_int", `[-123]`, ""},
	{"y_number_real_capital_e_neg_exp", `[1E-2]`, ""},
	{"y_number_real_capital_e_pos_exp", `[1E+2]`, ""},
	{"y_number_real_fraction_exponent", `[123.456e78]`, ""},
	{"y_object_empty", `{}`, ""},
	{"y_object_empty_key", `{"":0}`, ""},
	{"y_object_escaped_null_apart", `{"foo\\u0000bar":42}`, ""},
	{"y_object_extreme_numbers", `{"min":-1.0e+28,"max":1.0e+28}`, ""},
	{"y_object_newlines", "{\n\"a\": \"b\"\n}", ""},
	{"y_string_1_2_3_bytes", `["\u0060\u012a\u12AB"]`, ""},
	{"y_string_surrogate_pair", `["\uD801\udc37"]`, ""},
	{"y_string_surrogates_max", `["\uDBFF\uDFFF"]`, ""},
	{"y_string_all_escapes", `["\"\\\/\b\f\n\r\t"]`, ""},
	{"y_string_backslash_and_u", `["\\u0000"]`, ""},
	{"y_string_double_escape", `["\\a","\\n"]`, ""},
	{"y_string_escaped_control", `["\u0012"]`, ""},
	{"y_string_noncharacter", `["\uFFFF\uFDD0\uDBFF\uDFFE"]`, ""},
	{"y_string_raw_noncharacter", "[\"\uFFFF\U0010FFFF\"]", ""},
	{"y_string_unescaped_del", "[\"a\x7fa\"]", ""},
	{"y_string_line_separators", "[\"\u2028\u2029\"]", ""},
	{"y_string_bom_inside", "[\"\uFEFF\"]", ""},
	{"y_string_utf8", "[\"€𝄞\"]", ""},
	{"y_string_space", `" "`, ""},
	{"y_structure_lonely_false", `false`, ""},
	{"y_structure_lonely_int", `42`, ""},
	{"y_structure_lonely_negative_real", `-0.1`, ""},
	{"y_structure_lonely_null", `null`, ""},
	{"y_structure_lonely_string", `"asd"`, ""},
	{"y_structure_whitespace_around", " \t\r\n[] \t\r\n", ""},

	{"n_array_1_true_without_comma", `[1 true]`, "json.syntax"},
	{"n_array_colon_instead_of_comma", `["": 1]`, "json.syntax"},
	{"n_array_comma_after_close", `[""],`, "json.syntax"},
	{"n_array_comma_and_number", `[,1]`, "json.syntax"},
	{"n_array_double_comma", `[1,,2]`, "json.syntax"},
	{"n_array_extra_close", `["x"]]`, "json.syntax"},
	{"n_array_extra_comma", `["",]`, "json.syntax"},
	{"n_array_incomplete", `["x"`, "json.syntax"},
	{"n_array_inner_no_comma", `[3[4]]`, "json.syntax"},
	{"n_array_just_comma", `[,]`, "json.syntax"},
	{"n_array_just_minus", `[-]`, "json.syntax"},
	{"n_array_star_inside", `[*]`, "json.syntax"},
	{"n_array_unclosed_with_newlines", "[1,\n1\n,1", "json.syntax"},
	{"n_array_invalid_utf8_outside", "[\xff]", "json.syntax"},
	{"n_incomplete_false", `[fals]`, "json.syntax"},
	{"n_incomplete_null", `[nul]`, "json.syntax"},
	{"n_incomplete_true", `[tru]`, "json.syntax"},
	{"n_multidigit_number_then_nul", "123\x00", "json.syntax"},
	{"n_number_++", `[++1234]`, "json.syntax"},
	{"n_number_+1", `[+1]`, "json.syntax"},
	{"n_number_-01", `[-01]`, "json.syntax"},
	{"n_number_-1.0.", `[-1.0.]`, "json.syntax"},
	{"n_number_-2.", `[-2.]`, "json.syntax"},
	{"n_number_-NaN", `[-NaN]`, "json.syntax"},
	{"n_number_.-1", `[.-1]`, "json.syntax"},
	{"n_number_.2e-3", `[.2e-3]`, "json.syntax"},
	{"n_number_0.1.2", `[0.1.2]`, "json.syntax"},
	{"n_number_0.3e+", `[0.3e+]`, "json.syntax"},
	{"n_number_0.e1", `[0.e1]`, "json.syntax"},
	{"n_number_0_capital_E+", `[0E+]`, "json.syntax"},
	{"n_number_0e", `[0e]`, "json.syntax"},
	{"n_number_1_000", `[1 000.0]`, "json.syntax"},
	{"n_number_1eE2", `[1eE2]`, "json.syntax"},
	{"n_number_9.e+", `[9.e+]`, "json.syntax"},
	{"n_number_Inf", `[Inf]`, "json.syntax"},
	{"n_number_NaN", `[NaN]`, "json.syntax"},
	{"n_number_fullwidth_digit", "[\uFF11]", "json.syntax"},
	{"n_number_expression", `[1+2]`, "json.syntax"},
	{"n_number_hex", `[0x42]`, "json.syntax"},
	{"n_number_infinity", `[Infinity]`, "json.syntax"},
	{"n_number_minus_space_1", `[- 1]`, "json.syntax"},
	{"n_number_leading_zero", `[012]`, "json.syntax"},
	{"n_number_trailing_letter", `[1ea]`, "json.syntax"},
	{"n_number_then_letter", `[1a]`, "json.syntax"},
	{"n_object_bad_value", `["x", truth]`, "json.syntax"},
	{"n_object_comma_instead_of_colon", `{"x", null}`, "json.syntax"},
	{"n_object_double_colon", `{"x"::"b"}`, "json.syntax"},
	{"n_object_emoji", `{🇨🇭}`, "json.syntax"},
	{"n_object_key_with_single_quotes", `{key: 'value'}`, "json.syntax"},
	{"n_object_lone_continuation_byte_key", "{\x80:1}", "json.syntax"},
	{"n_object_missing_colon", `{"a" b}`, "json.syntax"},
	{"n_object_missing_key", `{:"b"}`, "json.syntax"},
	{"n_object_missing_value", `{"a":`, "json.syntax"},
	{"n_object_no_colon", `{"a"`, "json.syntax"},
	{"n_object_non_string_key", `{1:1}`, "json.syntax"},
	{"n_object_several_trailing_commas", `{"id":0,,,,,}`, "json.syntax"},
	{"n_object_single_quote", `{'a':0}`, "json.syntax"},
	{"n_object_trailing_comma", `{"id":0,}`, "json.syntax"},
	{"n_object_trailing_comment", `{"a":"b"}/**/`, "json.syntax"},
	{"n_object_trailing_comment_line", `{"a":"b"}//`, "json.syntax"},
	{"n_object_two_commas", `{"a":"b",,"c":"d"}`, "json.syntax"},
	{"n_object_unquoted_key", `{a: "b"}`, "json.syntax"},
	{"n_object_unterminated_value", `{"a":"a`, "json.syntax"},
	{"n_object_with_trailing_garbage", `{"a":"b"}#`, "json.syntax"},
	{"n_single_space", ` `, "json.syntax"},
	{"n_string_1_surrogate_then_escape", `["\uD800\"]`, "json.syntax"},
	{"n_string_1_surrogate_then_escape_u", `["\uD800\u"]`, "json.syntax"},
	{"n_string_1_surrogate_then_escape_u1x", `["\uD800\u1x"]`, "json.syntax"},
	{"n_string_accentuated_char_no_quotes", `[é]`, "json.syntax"},
	{"n_string_backslash_nul", "[\"\\\x00\"]", "json.syntax"},
	{"n_string_escape_x", `["\x00"]`, "json.syntax"},
	{"n_string_escaped_ctrl_char_tab", "[\"\\\t\"]", "json.syntax"},
	{"n_string_escaped_emoji", `["\🌀"]`, "json.syntax"},
	{"n_string_incomplete_escape", `["\"]`, "json.syntax"},
	{"n_string_incomplete_escaped_character", `["\u00A"]`, "json.syntax"},
	{"n_string_invalid_backslash_esc", `["\a"]`, "json.syntax"},
	{"n_string_capital_u", `["\UA66D"]`, "json.syntax"},
	{"n_string_single_quote", `['single quote']`, "json.syntax"},
	{"n_string_single_doublequote", `"`, "json.syntax"},
	{"n_string_start_escape_unclosed", `["\`, "json.syntax"},
	{"n_string_unescaped_newline", "[\"new\nline\"]", "json.syntax"},
	{"n_string_unescaped_tab", "[\"\t\"]", "json.syntax"},
	{"n_string_unescaped_unit_separator", "[\"\x1f\"]", "json.syntax"},
	{"n_string_unescaped_nul", "[\"a\x00a\"]", "json.nul"},
	{"n_string_with_trailing_garbage", `""x`, "json.syntax"},
	{"n_structure_UTF8_BOM_no_data", "\uFEFF", "json.syntax"},
	{"n_structure_angle_bracket", `<.>`, "json.syntax"},
	{"n_structure_capitalized_True", `[True]`, "json.syntax"},
	{"n_structure_close_unopened_array", `1]`, "json.syntax"},
	{"n_structure_comma_instead_of_closing_brace", `{"x": true,`, "json.syntax"},
	{"n_structure_double_array", `[][]`, "json.syntax"},
	{"n_structure_two_values", `1 2`, "json.syntax"},
	{"n_structure_end_array", `]`, "json.syntax"},
	{"n_structure_lone_open_bracket", `[`, "json.syntax"},
	{"n_structure_no_data", ``, "json.syntax"},
	{"n_structure_nul_outside_string", "[\x00]", "json.syntax"},
	{"n_structure_object_followed_by_closing", `{}}`, "json.syntax"},
	{"n_structure_open_array_object", strings.Repeat(`[{"":`, 40), "json.syntax"},
	{"n_structure_open_object_close_array", `{]`, "json.syntax"},
	{"n_structure_mismatched", `[1}`, "json.syntax"},
	{"n_structure_form_feed", "[\f]", "json.syntax"},
	{"n_structure_vertical_tab", "[\v1]", "json.syntax"},
	{"n_structure_no_break_space", "[\u00A0]", "json.syntax"},
	{"n_structure_word_joiner", "[\u2060]", "json.syntax"},
	{"n_structure_uescaped_LF_before_string", `[\u000A""]`, "json.syntax"},
	{"n_structure_record_separator", "\x1e{}", "json.syntax"},

	{"i_number_double_huge_neg_exp", `[123.456e-789]`, "json.number"},
	{"i_number_huge_exp", `[0.4e006` + strings.Repeat("9", 80) + `]`, "json.number"},
	{"i_number_huge_digits", `[` + strings.Repeat("9", 1001) + `]`, "json.number"},
	{"i_number_real_pos_overflow", `[123123e100000]`, "json.number"},
	{"i_number_too_big_pos_int", `[100000000000000000000]`, ""},
	{"i_number_very_big_negative_int", `[-237462374673276894279832749832423479823246327846]`, ""},
	{"i_number_precision", `[0.1000000000000000055511151231257827]`, ""},
	{"i_object_key_lone_surrogate", `{"\uDFAA":0}`, "json.surrogate"},
	{"i_object_duplicated_key", `{"a":"b","a":"c"}`, "json.duplicate"},
	{"i_object_duplicated_key_and_value", `{"a":"b","a":"b"}`, "json.duplicate"},
	{"i_object_duplicated_key_escaped", `{"a":1,"\u0061":1}`, "json.duplicate"},
	{"i_object_escaped_nul_in_key", `{"foo\u0000bar":42}`, "json.nul"},
	{"i_string_nul_escape", `["\u0000"]`, "json.nul"},
	{"i_string_1st_surrogate_but_2nd_missing", `["\uDADA"]`, "json.surrogate"},
	{"i_string_1st_valid_surrogate_2nd_invalid", `["\uD888\u1234"]`, "json.surrogate"},
	{"i_string_incomplete_surrogates_escape_valid", `["\uD800\uD800\n"]`, "json.surrogate"},
	{"i_string_inverted_surrogates", `["\uDd1e\uD834"]`, "json.surrogate"},
	{"i_string_lone_second_surrogate", `["\uDFAA"]`, "json.surrogate"},
	{"i_string_UTF16LE", "[\"\xe9\"]", "json.utf8"},
	{"i_string_invalid_utf8", "[\"\xff\"]", "json.utf8"},
	{"i_string_raw_surrogate", "[\"\xed\xa0\x80\"]", "json.utf8"},
	{"i_string_overlong_2_bytes", "[\"\xc0\xaf\"]", "json.utf8"},
	{"i_string_overlong_6_bytes", "[\"\xfc\x83\xbf\xbf\xbf\xbf\"]", "json.utf8"},
	{"i_string_truncated_utf8", "[\"\xe0\xff\"]", "json.utf8"},
	{"i_string_not_in_unicode_range", "[\"\xf4\xbf\xbf\xbf\"]", "json.utf8"},
	{"i_string_continuation_byte", "[\"\x81\"]", "json.utf8"},
	{"i_string_utf16LE_with_BOM", "\xff\xfe[\x00]\x00", "json.syntax"},
	{"i_string_utf16BE_no_BOM", "\x00[\x00]", "json.syntax"},
	{"i_structure_500_nested_arrays", strings.Repeat("[", 500) + strings.Repeat("]", 500), "json.depth"},
	{"i_structure_100000_opening_arrays", strings.Repeat("[", 100_000), "json.depth"},
	{"i_structure_UTF8_BOM_empty_object", "\uFEFF{}", "json.syntax"},
}

func TestCanonical_Suite(t *testing.T) {
	t.Parallel()
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.code != "" {
				if got := mustRefuse(t, test.src, jsontext.Limits{})[0].Code; got != test.code {
					t.Errorf("code %q, want %q", got, test.code)
				}
				if strings.HasPrefix(test.name, "n_") && json.Valid([]byte(test.src)) {
					t.Error("is valid JSON after all")
				}
				if _, err := jsontext.Decode([]byte(test.src)); err == nil && test.code != "json.depth" {
					t.Error("Decode accepts it")
				}
				return
			}
			canonical := mustCanonical(t, test.src)
			if !jsontext.Equal(mustDecodeStandard(t, canonical), mustDecodeStandard(t, test.src)) {
				t.Errorf("got %s", canonical)
			}
		})
	}
}

// mustDecodeStandard returns what encoding/json makes of a text, numbers as written.
func mustDecodeStandard(t testing.TB, src string) (v any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(src))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return v
}
