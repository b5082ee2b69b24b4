package collection_test

import (
	"fmt"
	"testing"

	"github.com/sheafdb/sheaf/domain/collection"
)

// Admission is on the way of every write; a collection without a feature does not pay for it.
func BenchmarkAdmit(b *testing.B) {
	const schema = `"schema": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "minLength": 1}, "author": {"type": "string"}, "year": {"type": "integer"},
		"price": {"type": "number", "minimum": 0}, "tags": {"type": "array", "items": {"type": "string"}}, "address": {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}}%s}}`
	const data = `{"title": "Moby-Dick", "author": "Herman Melville", "year": 1851, "price": 12.50, "tags": ["whales", "sea", "novel"], "address": {"city": "New York", "zip": "10001"}, "text": "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world."}`
	plain := `{` + fmt.Sprintf(schema, ``)
	for _, bench := range [...]struct{ name, config string }{
		{"any object", `{}`},
		{"schema", plain + `}`},
		{"schema, strip", plain + `, "unknownFields": "strip"}`},
		{"coerce", plain + `, "coerce": true}`},
		{"defaults", `{` + fmt.Sprintf(schema, `, "stock": {"default": 0}`) + `}`},
		{"rules", plain + `, "rules": [{"code": "a", "rule": "!has(doc.year) || doc.year > 0"}, {"code": "b", "rule": "doc.price >= 0"}]}`},
		{"rules about changes", plain + `, "rules": [{"code": "a", "rule": "old == null || doc.year == old.year"}]}`},
		{"readOnly", `{` + fmt.Sprintf(schema, `, "by": {"readOnly": true}`) + `}`},
	} {
		c := declared(b, bench.config)
		text := []byte(canonical(b, data))
		s := collection.Submission{Data: text, ID: documentID(b, "a"), Now: noon}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Admit(s, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
