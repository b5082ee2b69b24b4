package transaction_test

import (
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/transaction"
)

var limits = transaction.Limits{Operations: 3}

func TestParse(t *testing.T) {
	t.Parallel()
	list, err := transaction.Parse([]byte(`{"operations": [
		{"op": "create", "name": "order", "collection": "orders", "data": {"total": 1.10, "order": "kept as it is: order.id", "$ref": "order.id"}},
		{"op": "patch", "collection": "lines", "id": "a", "patch": {"x": [1, {}]}, "fill": {"patch.x[1].order": "order.id", "patch.total": "order.doc.total", "patch.new.er": "order.revision"}, "ifMatch": 3, "ifNoneMatch": "\"7\""},
		{"op": "check", "collection": "lines", "fill": {"id": "order.id"}, "ifMatch": "*"}]}`), limits)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(list[0].Text()); got != `{"$ref": "order.id", "order": "kept as it is: order.id", "total": 1.10}` {
		t.Errorf("data is %s", got)
	}
	p := list[1]
	if p.Format != patch.Merge || p.Precondition.Match.Revisions[0] != 3 || p.Precondition.NoneMatch.Revisions[0] != 7 || len(p.Fill) != 3 {
		t.Errorf("got %+v", p)
	}
	values := map[string]any{"id": "o1", "doc": "1.10", "revision": "1"}
	filled, missing := p.Filled(func(f transaction.Fill) (any, bool) {
		v, found := values[f.Source.Steps[0].Name]
		return v, found
	})
	if got := string(jsontext.Append(nil, filled)); missing != nil || got != `{"x": [1, {"order": "o1"}], "new": {"er": "1"}, "total": "1.10"}` {
		t.Errorf("filled is %s, missing %v", got, missing)
	}
	if got := string(p.Text()); got != `{"x": [1, {}]}` {
		t.Errorf("the operation has become %s", got)
	}
	if f := list[2].FilledID(); f == nil || f.From != 0 || !f.Static() || !list[2].Precondition.Match.Any {
		t.Errorf("got %+v", list[2])
	}
}

func TestParse_Bounds(t *testing.T) {
	t.Parallel()
	check := `{"op":"check","collection":"a","id":"x"}`
	of := func(n int) string {
		return `{"operations":[` + strings.TrimSuffix(strings.Repeat(check+",", n), ",") + `]}`
	}
	if _, err := transaction.Parse([]byte(of(3)), limits); err != nil {
		t.Error(err)
	}
	if _, err := transaction.Parse([]byte(of(4)), limits); fault.CodeOf(err) != "transaction.tooLarge" {
		t.Errorf("got %v", err)
	}
	deep := func(levels int) string {
		return `{"operations":[{"op":"put","collection":"a","id":"x","data":{"x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}}]}`
	}
	// A document may be as deep as by itself; whoever knows the collection judges that.
	if _, err := transaction.Parse([]byte(deep(jsontext.DefaultDepth)), limits); err != nil {
		t.Error(err)
	}
	if _, err := transaction.Parse([]byte(deep(jsontext.DefaultDepth+10)), limits); fault.CodeOf(err) != "json.invalid" {
		t.Errorf("got %v", err)
	}
}

// Whatever is sent is a transaction or a fault of a kind that a client can act on.
func FuzzParse(f *testing.F) {
	for _, body := range []string{
		`{"operations":[{"op":"create","name":"a","collection":"b","data":{}},{"op":"patch","collection":"b","patch":[],"contentType":"application/json-patch+json","fill":{"id":"a.id","patch[0]":"a.doc.x[1]"}}]}`,
		`{"operations":[{"op":"delete","collection":"b","id":"c","ifMatch":"*","ifNoneMatch":0}]}`, `{"operations":{}}`, `[]`, `{`,
		`{"operations":[{"op":"put","collection":"b","id":"c","fill":{"data":"a.doc","data.":"","data[\"a\"]":"a","x":1}}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := transaction.Parse(body, limits)
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Malformed && kind != fault.Invalid && kind != fault.TooLarge {
				t.Errorf("got %v", err)
			}
			return
		}
		for i, o := range list {
			for _, fill := range o.Fill {
				if fill.From >= i {
					t.Errorf("operation %d takes from %d", i, fill.From)
				}
			}
			o.Filled(func(transaction.Fill) (any, bool) { return map[string]any{}, true })
		}
	})
}
