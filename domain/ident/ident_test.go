package ident_test

import (
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

func TestParseOperation(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "0198c5a2-6f1e-7cc3-98c4-dc0c0c07398f", strings.Repeat("x", 64)} {
		if id, err := ident.ParseOperation(s); err != nil || id.String() != s {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
	for _, s := range []string{"", "a b", "a/b", "\x00", "é", strings.Repeat("x", 65)} {
		if _, err := ident.ParseOperation(s); fault.KindOf(err) != fault.NotFound || fault.CodeOf(err) != "operation.notFound" {
			t.Errorf("%q: %v", s, err)
		}
	}
}
