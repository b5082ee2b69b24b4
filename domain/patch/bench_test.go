package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
)

// A document of about 600 bytes, as in the benchmarks of the whole.
func BenchmarkPatch(b *testing.B) {
	doc := canonical(b, fmt.Appendf(nil, `{"stock": 7, "tags": ["a", "b"], "title": "Moby-Dick", "year": 1851, "text": %q}`, strings.Repeat("x", 500)))
	for name, test := range map[string]struct {
		format patch.Format
		text   string
	}{
		"merge":     {patch.Merge, `{"stock": 8, "year": null}`},
		"update":    {patch.Update, `{"increment": {"doc.stock": 1}, "addToSet": {"doc.tags": ["c"]}}`},
		"JSONPatch": {patch.Operations, `[{"op": "test", "path": "/year", "value": 1851}, {"op": "replace", "path": "/stock", "value": 8}]`},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := apply(test.format, doc, []byte(test.text), jsontext.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
