package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// declared compiles a collection.
func declared(tb testing.TB, config string) *collection.Collection {
	tb.Helper()
	name, err := ident.ParseCollection("things")
	if err != nil {
		tb.Fatal(err)
	}
	text := []byte(canonical(tb, config))
	c, err := collection.Compile(collection.Stored{Name: name, Revision: 1, Configuration: text}, schema.DefaultLimits())
	if err != nil {
		tb.Fatalf("%s: %v", config, fault.Find(err).Cause)
	}
	return c
}

func canonical(tb testing.TB, text string) string {
	tb.Helper()
	made, err := jsontext.Canonical(nil, []byte(text), jsontext.Limits{})
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return string(made)
}

func documentID(tb testing.TB, text string) ident.Document {
	tb.Helper()
	id, err := ident.ParseDocument(text)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// told writes violations in short: pointer and code.
func told(list []fault.Violation) []string {
	texts := []string{}
	for _, v := range list {
		texts = append(texts, v.Pointer+" "+v.Code)
	}
	return texts
}

// attempt is a submission and what has to come of it.
type attempt struct {
	way    collection.Way
	stored string // "" where nothing is
	data   string
	want   string // what is stored; "" where it is refused
	told   []string
}

func (a attempt) try(t *testing.T, c *collection.Collection) {
	t.Helper()
	var stored []byte
	if a.stored != "" {
		stored = []byte(canonical(t, a.stored))
	}
	s := collection.Submission{Way: a.way, Data: []byte(canonical(t, a.data)), ID: documentID(t, "a"), Now: noon}
	admitted, err := c.Admit(s, stored)
	got, texts := string(admitted.Data), told(admitted.Warnings)
	if err != nil {
		got, texts = "", told(fault.Find(err).Violations)
	}
	want := a.want
	if want != "" {
		want = canonical(t, want)
	}
	if got != want || !slices.Equal(texts, a.told) {
		t.Errorf("%s in the place of %q:\n got %s %q (%v)\nwant %s %q", a.data, a.stored, got, texts, err, want, a.told)
	}
	if s.New = stored == nil; s.New {
		again, err2 := c.Admit(s, nil)
		if string(again.Data) != string(admitted.Data) || fmt.Sprint(err2) != fmt.Sprint(err) {
			t.Errorf("%s: judged at once it is %s, %v", a.data, again.Data, err2)
		}
	}
}

func tryAll(t *testing.T, config string, attempts ...attempt) {
	t.Helper()
	c := declared(t, config)
	for _, a := range attempts {
		if a.told == nil {
			a.told = []string{}
		}
		a.try(t, c)
	}
}

func TestAdmit_Defaults(t *testing.T) {
	t.Parallel()
	tryAll(t, `{"schema": {"properties": {
		"role": {"default": "user"}, "tags": {"default": []}, "zip": {"$ref": "#/$defs/zip"}, "none": {"default": null},
		"address": {"type": "object", "properties": {"country": {"default": "PT"}}},
		"lines": {"items": {"properties": {"n": {"default": 1}}}}, "made": {"default": {}, "properties": {"x": {"default": 1.50}}}},
		"$defs": {"zip": {"type": "string", "default": "1000"}}}}`,
		attempt{data: `{}`, want: `{"role": "user", "tags": [], "zip": "1000", "none": null, "made": {"x": 1.50}}`},
		attempt{data: `{"role": "admin", "address": {}, "lines": [{}, {"n": 2}, 3], "made": 1, "zip": "1", "none": 1, "tags": null}`,
			want: `{"role": "admin", "address": {"country": "PT"}, "lines": [{"n": 1}, {"n": 2}, 3], "made": 1, "zip": "1", "none": 1, "tags": null}`},
		attempt{way: collection.Edited, stored: `{"role": "user"}`, data: `{}`, want: `{}`},
		attempt{way: collection.Returned, stored: `{"role": "user"}`, data: `{}`, want: `{}`},
		attempt{way: collection.Kept, stored: `{"role": "user"}`, data: `{}`, want: `{}`},
	)
	tryAll(t, `{"defaults": false, "schema": {"properties": {"role": {"default": "user"}}}}`, attempt{data: `{}`, want: `{}`})
	// then and else count where the value as it has become decides.
	tryAll(t, `{"schema": {"properties": {"kind": {"default": "a"}}, "if": {"properties": {"kind": {"const": "a"}}},
		"then": {"properties": {"up": {"default": true}}}, "else": {"properties": {"down": {"default": true}}}, "anyOf": [{"properties": {"no": {"default": 1}}}]}}`,
		attempt{data: `{}`, want: `{"kind": "a", "up": true}`},
		attempt{data: `{"kind": "b"}`, want: `{"kind": "b", "down": true}`},
	)
}

func TestAdmit_Coercion(t *testing.T) {
	t.Parallel()
	schema := `{"properties": {"i": {"type": "integer"}, "n": {"type": ["number", "null"]}, "b": {"type": "boolean"}, "s": {"type": "string"},
		"either": {"type": ["string", "boolean"]}, "in": {"properties": {"l": {"items": {"type": "integer"}}}}}}`
	tryAll(t, `{"coerce": true, "schema": `+schema+`}`,
		attempt{data: `{"i": "42", "n": "1.10", "b": "true", "s": 42}`, want: `{"i": 42, "n": 1.10, "b": true, "s": "42"}`, told: []string{"/b coerced", "/i coerced", "/n coerced", "/s coerced"}},
		attempt{data: `{"i": "1e3", "n": null, "b": 0, "s": true}`, want: `{"i": 1000, "n": null, "b": false, "s": "true"}`, told: []string{"/b coerced", "/i coerced", "/s coerced"}},
		attempt{data: `{"n": "123456789012345678901234567890.5"}`, want: `{"n": 123456789012345678901234567890.5}`, told: []string{"/n coerced"}},
		attempt{data: `{"in": {"l": ["1", 2, "03"]}}`, told: []string{"/in/l/2 type"}},
		attempt{data: `{"i": "1.5"}`, told: []string{"/i type"}},
		attempt{data: `{"i": " 1"}`, told: []string{"/i type"}},
		attempt{data: `{"i": ""}`, told: []string{"/i type"}},
		attempt{data: `{"i": true}`, told: []string{"/i type"}},
		attempt{data: `{"b": "yes"}`, told: []string{"/b type"}},
		attempt{data: `{"b": 2}`, told: []string{"/b type"}},
		attempt{data: `{"s": null}`, told: []string{"/s type"}},
		attempt{data: `{"s": []}`, told: []string{"/s type"}},
		attempt{data: `{"either": 1}`, told: []string{"/either type"}},
		attempt{way: collection.Edited, stored: `{}`, data: `{"i": "7"}`, want: `{"i": 7}`, told: []string{"/i coerced"}},
	)
	tryAll(t, `{"schema": `+schema+`}`, attempt{data: `{"i": "42"}`, told: []string{"/i type"}})
}

func TestAdmit_Normalization(t *testing.T) {
	t.Parallel()
	tryAll(t, `{"id": {"from": "doc.email"}, "schema": {"properties": {"email": {"x-normalize": ["trim", "lowercase"], "pattern": "^[^ A-Z]+$"}, "names": {"items": {"$ref": "#/$defs/name"}}},
		"$defs": {"name": {"x-normalize": "collapse", "minLength": 1}}}}`,
		attempt{data: `{"email": " A ", "names": [" x  y ", 1]}`, want: `{"email": "a", "names": ["x y", 1]}`},
		attempt{way: collection.Edited, stored: `{"email": "a"}`, data: `{"email": "A", "names": ["  "]}`, told: []string{"/names/0 minLength"}},
		attempt{data: `{"email": " B "}`, told: []string{"/email id"}},
	)
}

func TestAdmit_ReadOnly(t *testing.T) {
	t.Parallel()
	const old = `{"by": "eve", "meta": {"at": 1, "note": "x"}}`
	tryAll(t, `{"schema": {"properties": {"by": {"type": "string", "readOnly": true}, "meta": {"type": "object", "properties": {"at": {"readOnly": true}, "note": {}}}}}}`,
		attempt{data: `{"n": 1}`, want: `{"n": 1}`},
		attempt{data: `{"by": "eve", "meta": {"at": 1}}`, told: []string{"/by readOnly", "/meta/at readOnly"}},
		attempt{stored: old, data: old, want: old},
		attempt{stored: old, data: `{"by": "eve", "meta": {"at": 1.0, "note": "y"}}`, want: `{"by": "eve", "meta": {"at": 1.0, "note": "y"}}`},
		attempt{stored: old, data: `{"n": 1}`, want: `{"n": 1, "by": "eve", "meta": {"at": 1}}`},
		attempt{stored: old, data: `{"meta": {}}`, want: `{"by": "eve", "meta": {"at": 1}}`},
		attempt{stored: old, data: `{"by": "bob", "meta": null}`, told: []string{"/by readOnly", "/meta/at readOnly", "/meta type"}},
		attempt{stored: `{}`, data: `{"by": "bob"}`, told: []string{"/by readOnly"}},
		attempt{way: collection.Edited, stored: old, data: `{"by": "eve", "meta": {"note": "x"}}`, told: []string{"/meta/at readOnly"}},
		attempt{way: collection.Edited, stored: old, data: `{"by": "eve", "meta": {"at": 1}}`, want: `{"by": "eve", "meta": {"at": 1}}`},
		attempt{way: collection.Returned, stored: old, data: `{"by": "bob"}`, want: `{"by": "bob"}`},
		attempt{way: collection.Returned, data: `{"by": "bob"}`, want: `{"by": "bob"}`},
		attempt{way: collection.Kept, stored: old, data: `{}`, want: `{}`},
	)
	// A default fills what no client may set; a normalizer that came later does not make of the same value another one.
	tryAll(t, `{"schema": {"properties": {"state": {"readOnly": true, "default": "new"}, "by": {"readOnly": true, "x-normalize": "lowercase"}}}}`,
		attempt{data: `{}`, want: `{"state": "new"}`},
		attempt{stored: `{"state": "done"}`, data: `{}`, want: `{"state": "done"}`},
		attempt{stored: `{"n": 1}`, data: `{}`, want: `{"state": "new"}`},
		attempt{stored: `{"state": "new", "by": "Eve"}`, data: `{"by": "Eve"}`, want: `{"state": "new", "by": "eve"}`},
	)
}

func TestAdmit_WriteOnlyAndImmutable(t *testing.T) {
	t.Parallel()
	c := `{"schema": {"required": ["hash"], "properties": {"hash": {"type": "string", "writeOnly": true}, "tenant": {"x-immutable": true}}}}`
	tryAll(t, c,
		attempt{data: `{"hash": "h"}`, want: `{"hash": "h"}`},
		attempt{data: `{}`, told: []string{" required"}},
		attempt{stored: `{"hash": "h"}`, data: `{"n": 1}`, want: `{"hash": "h", "n": 1}`},
		attempt{stored: `{"hash": "h"}`, data: `{"hash": "i"}`, want: `{"hash": "i"}`},
		attempt{way: collection.Edited, stored: `{"hash": "h"}`, data: `{}`, told: []string{" required"}},
		attempt{stored: `{"hash": "h"}`, data: `{"tenant": 1}`, want: `{"hash": "h", "tenant": 1}`},
		attempt{stored: `{"hash": "h", "tenant": 1}`, data: `{"tenant": 1.0}`, want: `{"hash": "h", "tenant": 1.0}`},
		attempt{stored: `{"hash": "h", "tenant": 1}`, data: `{"tenant": 2}`, told: []string{"/tenant immutable"}},
		attempt{stored: `{"hash": "h", "tenant": 1}`, data: `{}`, told: []string{"/tenant immutable"}},
		attempt{way: collection.Returned, stored: `{"hash": "h", "tenant": 1}`, data: `{"hash": "h", "tenant": 2}`, told: []string{"/tenant immutable"}},
		attempt{way: collection.Kept, stored: `{"hash": "h", "tenant": 1}`, data: `{"hash": "h"}`, want: `{"hash": "h"}`},
	)
	if got := string(declared(t, c).Shown([]byte(`{"hash": "h", "tenant": 1}`), nil)); got != `{"tenant": 1}` {
		t.Errorf("an answer shows %s", got)
	}
}

func TestAdmit_Timestamps(t *testing.T) {
	t.Parallel()
	const now, old = `"2026-11-24T12:00:00.000000Z"`, `"2020-01-01T00:00:00.000000Z"`
	tryAll(t, `{"schema": {"required": ["made_at"], "properties": {"made_at": {"format": "date-time", "x-timestamp": "created"}, "meta": {"properties": {"changed": {"x-timestamp": "updated"}}}}}}`,
		attempt{data: `{"n": 1}`, want: `{"n": 1, "made_at": ` + now + `, "meta": {"changed": ` + now + `}}`},
		attempt{data: `{"made_at": ` + old + `}`, told: []string{"/made_at readOnly"}},
		attempt{stored: `{"n": 1, "made_at": ` + old + `, "meta": {"changed": ` + old + `}}`, data: `{"n": 1}`, want: `{"n": 1, "made_at": ` + old + `, "meta": {"changed": ` + old + `}}`},
		attempt{stored: `{"n": 1, "made_at": ` + old + `, "meta": {"changed": ` + old + `}}`, data: `{"n": 2, "made_at": ` + old + `, "meta": {"changed": ` + old + `}}`,
			want: `{"n": 2, "made_at": ` + old + `, "meta": {"changed": ` + now + `}}`},
		attempt{way: collection.Edited, stored: `{"n": 1, "made_at": ` + old + `, "meta": {"changed": ` + old + `}}`, data: `{"n": 1, "made_at": ` + old + `, "meta": {}}`, told: []string{"/meta/changed readOnly"}},
		attempt{way: collection.Edited, stored: `{"n": 1, "made_at": ` + old + `}`, data: `{"n": 2, "made_at": ` + old + `}`, want: `{"n": 2, "made_at": ` + old + `, "meta": {"changed": ` + now + `}}`},
		attempt{way: collection.Returned, stored: `{"n": 1, "made_at": ` + now + `}`, data: `{"n": 2, "made_at": ` + old + `}`, want: `{"n": 2, "made_at": ` + old + `}`},
		attempt{way: collection.Kept, stored: `{"made_at": ` + old + `}`, data: `{"n": 2, "made_at": ` + old + `}`, want: `{"n": 2, "made_at": ` + old + `, "meta": {"changed": ` + now + `}}`},
	)
}

func TestAdmit_Rules(t *testing.T) {
	t.Parallel()
	config := `{"schema": {"properties": {"opens": {"type": "number"}, "closes": {"type": "number"}, "state": {"type": "string"}}, "required": ["opens"]}, "rules": [
		{"code": "closes-after-opens", "rule": "!has(doc.closes) || doc.closes > doc.opens", "message": "must close later than it opens", "path": "/closes"},
		{"code": "no-reopening", "rule": "old == null || old.state != 'closed' || doc.state == 'closed'", "path": "doc.state"},
		{"code": "named", "rule": "id != 'b'"}, {"code": "today", "rule": "now < timestamp('2027-01-01T00:00:00Z')"}]%s}`
	tryAll(t, fmt.Sprintf(config, ``),
		attempt{data: `{"opens": 1, "closes": 2}`, want: `{"opens": 1, "closes": 2}`},
		attempt{data: `{"opens": 2, "closes": 1, "state": 3}`, told: []string{"/state type", "/closes closes-after-opens"}},
		attempt{stored: `{"opens": 1, "state": "closed"}`, data: `{"opens": 1, "state": "open"}`, told: []string{"/state no-reopening"}},
		attempt{stored: `{"opens": 1, "state": "closed"}`, data: `{"opens": 1}`, told: []string{"/state rule"}},
		attempt{stored: `{"opens": 1, "state": "closed"}`, data: `{}`, told: []string{" required"}},
		attempt{stored: `{"opens": 1}`, data: `{"opens": 1}`, told: []string{"/state rule"}},
		attempt{stored: `{"opens": 1, "state": "open"}`, data: `{"opens": 1}`, want: `{"opens": 1}`},
	)
	tryAll(t, fmt.Sprintf(config, `, "enforcement": "report"`),
		attempt{data: `{"opens": 2, "closes": 1}`, want: `{"opens": 2, "closes": 1}`, told: []string{"/closes closes-after-opens"}},
		attempt{data: `{"closes": 1}`, want: `{"closes": 1}`, told: []string{" required", "/closes rule"}},
	)
	tryAll(t, fmt.Sprintf(config, `, "enforcement": "ratchet"`),
		attempt{data: `{"opens": 2, "closes": 1}`, told: []string{"/closes closes-after-opens"}},
		attempt{stored: `{"opens": 3, "closes": 1, "state": "open"}`, data: `{"opens": 2, "closes": 1}`, want: `{"opens": 2, "closes": 1}`, told: []string{"/closes closes-after-opens"}},
		attempt{stored: `{"opens": 3, "closes": 1, "state": "open"}`, data: `{"opens": "x", "closes": 1}`, told: []string{"/opens type", "/closes rule"}},
		attempt{stored: `{"opens": 1, "state": "closed"}`, data: `{"opens": 1, "state": "open"}`, told: []string{"/state no-reopening"}},
	)
}

func TestAdmit_Ratchet(t *testing.T) {
	t.Parallel()
	tryAll(t, `{"enforcement": "ratchet", "unknownFields": "reject", "id": {"from": "doc.key"}, "schema": {"required": ["key", "a", "b"], "properties": {"key": {}, "a": {"maxLength": 1}, "b": {}}}}`,
		attempt{stored: `{"key": "a", "a": "xx"}`, data: `{"key": "a", "a": "yyy"}`, want: `{"key": "a", "a": "yyy"}`, told: []string{" required", "/a maxLength"}},
		attempt{stored: `{"key": "a", "a": "x"}`, data: `{"key": "a"}`, told: []string{" required"}}, // a is one more that is missing
		attempt{stored: `{"key": "a", "a": "x", "z": 1}`, data: `{"key": "a", "a": "x", "z": 2, "b": 1}`, want: `{"key": "a", "a": "x", "z": 2, "b": 1}`, told: []string{"/z unknownField"}},
		attempt{stored: `{"key": "a", "a": "x", "z": 1}`, data: `{"key": "a", "a": "x", "y": 2, "b": 1}`, told: []string{"/y unknownField"}},
		attempt{stored: `{"key": "a", "a": "xx"}`, data: `{"a": "yyy"}`, told: []string{" required", "/key id"}},
	)
}

// A rule that goes through the pairs of a long list is given up, in all modes, and a long one does not take the time of the next.
func TestAdmit_CostlyRules(t *testing.T) {
	t.Parallel()
	list := `[` + strings.Repeat(`1, `, 2000) + `2]`
	tryAll(t, `{"rules": [{"code": "pairs", "rule": "doc.l.all(a, doc.l.all(b, a + b > 0))", "path": "doc.l"}, {"code": "same", "rule": "doc.l.all(a, doc.l.exists(b, a == b))"}]}`,
		attempt{data: `{"l": [1, 2]}`, want: `{"l": [1, 2]}`},
		attempt{data: `{"l": ` + list + `}`, told: []string{"/l rule", " rule"}},
	)
	// A document may be as large as one is allowed to be, and no larger by its defaults.
	c := declared(t, `{"schema": {"properties": {"a": {"default": "0123456789"}}}}`)
	s := collection.Submission{Data: []byte(`{"b": 1}`), ID: documentID(t, "a"), MaxBytes: 20}
	if _, err := c.Propose(s); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("larger by a default: %v", err)
	}
}
