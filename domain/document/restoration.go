package document

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// ParseRestoration reads which revision a request wants to have back: {"revision": 4}.
// It fails with fault.Malformed where body is not JSON, and with fault.Invalid, code "restoration.invalid", where it says something else.
func ParseRestoration(body []byte) (int64, error) {
	text, err := jsontext.Canonical(nil, body, jsontext.Limits{})
	if err != nil {
		return 0, err
	}
	tree, err := jsontext.Decode(text)
	if err != nil {
		return 0, err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return 0, notARestoration(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	var faults []fault.Violation
	for name := range object {
		if name != "revision" {
			faults = append(faults, fault.Violation{In: "body", Pointer: jsontext.AppendPointer("", name), Code: "unknownField", Message: `is not a member of a restoration; it has "revision"`})
		}
	}
	slices.SortFunc(faults, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	value, given := object["revision"]
	n, _ := value.(json.Number)
	revision, err := strconv.ParseInt(string(n), 10, 64)
	switch {
	case !given:
		faults = append(faults, fault.Violation{In: "body", Code: "required", Message: `must have the member "revision"`, Params: map[string]any{"missing": []string{"revision"}}})
	case err != nil || revision < 1:
		faults = append(faults, fault.Violation{In: "body", Pointer: "/revision", Code: "type", Message: "must be the number of a revision, from 1 on"})
	}
	if len(faults) > 0 {
		return 0, notARestoration(faults...)
	}
	return revision, nil
}

func notARestoration(faults ...fault.Violation) error {
	return fault.New(fault.Invalid, "restoration.invalid", "the body does not say which revision to restore").With(faults...)
}
