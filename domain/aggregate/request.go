package aggregate

import (
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Request is what is asked for by a body.
type Request struct {
	Pipeline *Pipeline
	// AllowScan lets it read as much as it takes.
	AllowScan bool
	Explain   bool
}

// ParseRequest reads the canonical text of a body.
// It fails as Parse does.
func ParseRequest(body []byte, source Source) (Request, error) {
	tree, err := jsontext.Decode(body)
	if err != nil {
		return Request{}, err
	}
	p := &parser{}
	object, ok := p.object("", tree, []string{"stages"}, []string{"allowScan", "explain"})
	r := Request{}
	r.AllowScan, r.Explain = p.flag("", object, "allowScan"), p.flag("", object, "explain")
	var wrong error
	if _, given := object["stages"]; given {
		r.Pipeline, wrong = Parse(object["stages"], "/stages", source)
	}
	switch f := fault.Find(wrong); {
	case wrong != nil && (f == nil || f.Kind != fault.Malformed):
		return Request{}, wrong
	case f != nil:
		return Request{}, Invalid(append(p.faults, f.Violations...)...)
	case !ok || len(p.faults) > 0:
		return Request{}, Invalid(p.faults...)
	}
	return r, nil
}
