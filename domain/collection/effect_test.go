package collection_test

import (
	"fmt"
	"testing"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

func TestConsequences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, old, next, want string }{
		{"nothing", `{"description": "x", "schema": {"required": ["a"]}}`, `{"cache": {"maxAge": "30s"}, "schema": {"required": ["a"], "title": "x"}}`, "compatible []"},
		{"a schema that admits more", `{"schema": {"required": ["a"]}}`, `{}`, "compatible []"},
		{"a first schema", `{}`, `{"schema": {"required": ["a"]}}`, "affectsWrites [/schema/required]"},
		{"a hidden member", `{"schema": {"properties": {"a": {}}}}`, `{"schema": {"properties": {"a": {"writeOnly": true}}}}`, "affectsReads [/schema/properties/a/writeOnly]"},
		{"closed", `{"schema": {"properties": {"a": {}}}}`, `{"unknownFields": "reject", "schema": {"properties": {"a": {}}}}`, "affectsWrites [/unknownFields]"},
		{"closed with another schema", `{"schema": {"properties": {"a": {}, "b": {}}}}`, `{"unknownFields": "strip", "schema": {"properties": {"a": {}}}}`, "affectsWrites [/schema/properties/b /schema]"},
		{"opened", `{"unknownFields": "reject"}`, `{}`, "compatible []"},
		{"closed otherwise", `{"unknownFields": "reject"}`, `{"unknownFields": "strip"}`, "affectsWrites [/unknownFields]"},
		{"a member more in a closed schema", `{"unknownFields": "reject", "schema": {"properties": {"a": {}}}}`, `{"unknownFields": "reject", "schema": {"properties": {"a": {}, "b": {"type": "string"}}}}`, "compatible []"},
		{"enforced", `{"enforcement": "report"}`, `{}`, "affectsWrites [/enforcement]"},
		{"let pass", `{}`, `{"enforcement": "ratchet"}`, "compatible []"},
		{"conditions", `{}`, `{"concurrency": "required"}`, "affectsWrites [/concurrency]"},
		{"no conditions", `{"concurrency": "required"}`, `{}`, "compatible []"},
		{"coercion", `{"coerce": true}`, `{}`, "affectsWrites [/coerce]"},
		{"coercion from now on", `{}`, `{"coerce": true}`, "compatible []"},
		{"no defaults", `{}`, `{"defaults": false}`, "affectsWrites [/defaults]"},
		{"rules", `{"rules": [{"code": "one", "rule": "has(doc.a)"}, {"code": "two", "rule": "has(doc.a)"}]}`, `{"rules": [{"code": "two", "rule": "has(doc.b)"}, {"code": "three", "rule": "has(doc.c)"}]}`, "affectsWrites [/rules /rules]"},
		{"fewer rules", `{"rules": [{"code": "one", "rule": "has(doc.a)"}, {"code": "two", "rule": "has(doc.a)"}]}`, `{"rules": [{"code": "two", "rule": "has(doc.a)"}]}`, "compatible []"},
		{"an index", `{}`, `{"indexes": [{"name": "a", "on": ["doc.a"]}]}`, "compatible []"},
		{"a unique index", `{}`, `{"indexes": [{"name": "a", "on": ["doc.a"], "unique": true}]}`, "affectsWrites [/indexes]"},
		{"another index", `{"indexes": [{"name": "a", "on": ["doc.a"]}]}`, `{"indexes": [{"name": "a", "on": ["doc.b"]}]}`, "affectsReads [/indexes]"},
		{"no index", `{"indexes": [{"name": "a", "on": ["doc.a"], "unique": true}]}`, `{}`, "affectsReads [/indexes]"},
		{"no reference", `{"references": [{"path": "doc.a", "collection": "b"}]}`, `{}`, "affectsReads [/references]"},
		{"ids", `{}`, `{"id": {"from": "doc.a"}}`, "affectsWrites [/id]"},
		{"ids no more", `{"id": {"from": "doc.a"}}`, `{}`, "compatible []"},
	} {
		list, err := collection.Consequences(configured(t, test.old), configured(t, test.next))
		if err != nil {
			t.Fatal(err)
		}
		pointers := []string{}
		for _, c := range list {
			pointers = append(pointers, c.Pointer)
			if c.Message == "" {
				t.Errorf("%s: %s without a word", test.name, c.Pointer)
			}
		}
		if got := fmt.Sprint(collection.Gravest(list), " ", pointers); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// configured is a configuration as it is kept.
func configured(t *testing.T, text string) []byte {
	t.Helper()
	tree, err := jsontext.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	name, err := ident.ParseCollection("goods")
	if err != nil {
		t.Fatal(err)
	}
	config, _, err := collection.Parse(name, tree, schema.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return config.Format()
}
