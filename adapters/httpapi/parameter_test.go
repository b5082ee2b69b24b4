package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// What is taken for evident the validator accepts, too.
func TestEvident(t *testing.T) {
	t.Parallel()
	spec, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	values := []string{"a", "0", "1", "-1", "007", "50", "999999999", "9999999999", "1.5", "1e3", "true", "false", "True", "none", " 1", "é", "a,b", "a b", "2026-11-24T12:00:00Z", strings.Repeat("x", 255), strings.Repeat("x", 5000), "\x00", "{}", "[]"}
	taken := 0
	for name, ref := range spec.Components.Parameters {
		for _, value := range values {
			if !evident(ref.Value.Schema.Value, value) {
				continue
			}
			taken++
			r := &http.Request{Header: http.Header{http.CanonicalHeaderKey(ref.Value.Name): {value}}, URL: &url.URL{}}
			input := openapi3filter.RequestValidationInput{
				Request: r, QueryParams: url.Values{ref.Value.Name: {value}}, PathParams: map[string]string{ref.Value.Name: value}, Options: &filterOptions,
			}
			if err := openapi3filter.ValidateParameter(t.Context(), &input, ref.Value); err != nil {
				t.Errorf("%s: %q is taken, and the validator says %v", name, value, err)
			}
		}
	}
	if taken < 100 {
		t.Errorf("%d values were taken", taken)
	}
}
