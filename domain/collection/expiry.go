package collection

import (
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Expiry says when documents expire: at a time that they name themselves, or some time after they were created or updated. From that instant on no read finds them.
type Expiry struct {
	// At is a path to a time, createdAt or updatedAt.
	At index.Field
	// After is how much later; 0 is at that time.
	After time.Duration
}

// expiryStates are what an answer says of an expiry; a declaration may bring them back, and they are ignored.
var expiryStates = []string{"state", "progress"}

// expiry reads the member "expiry" of a configuration.
func (p *parsing) expiry(pointer string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object")
		return
	}
	for _, key := range sortedKeys(object) {
		if key != "at" && key != "after" && !slices.Contains(expiryStates, key) {
			p.fail(jsontext.AppendPointer(pointer, key), "unknownField", `is not a member of "expiry"; it has "at" and "after"`)
		}
	}
	var x Expiry
	if after, given := object["after"]; given {
		text, ok := p.text(pointer+"/after", after)
		if x.After, given = ParseDuration(text); ok && !given {
			p.fail(pointer+"/after", "format", "must be a duration such as 30s, 5m, 1h or 7d")
		}
	}
	at, given := object["at"]
	if !given {
		p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: "required", Message: `must have the member "at"`, Params: map[string]any{"missing": []string{"at"}}})
		return
	}
	text, ok := p.text(pointer+"/at", at)
	if !ok {
		return
	}
	var err error
	x.At, err = index.ParseField(text)
	if err != nil || x.At.Desc || x.At.Each || x.At.Column == index.ID || x.At.Column == index.Revision {
		p.fail(pointer+"/at", "path", "must be a path to a time, such as doc.expiresAt, or createdAt or updatedAt")
		return
	}
	if x.At.Column != "" && x.After == 0 {
		p.fail(pointer, "dependentRequired", `must have the member "after", longer than 0s: a document would expire as soon as it is stored`)
	}
	p.config.Expiry = &x
}

// Tree returns the expiry as decoded JSON, in the form that a configuration declares it.
func (x *Expiry) Tree() map[string]any {
	tree := map[string]any{"at": x.At.String()}
	if x.After != 0 {
		tree["after"] = FormatDuration(x.After)
	}
	return tree
}

// index is the index of the instants at which documents expire.
func (x *Expiry) index() *index.Index { return index.NewExpiry(x.At, x.After) }

// check says what is wrong with data as that of a document that expires.
func (x *Expiry) check(tree any) []fault.Violation {
	if x == nil {
		return nil
	}
	return x.index().Check(tree)
}

// implied are the indexes that the configuration amounts to beside those that it declares.
func (c Configuration) implied() []*index.Index {
	var list []*index.Index
	if c.Expiry != nil {
		list = append(list, c.Expiry.index())
	}
	for _, r := range c.References {
		if r.Indexed() {
			list = append(list, r.index())
		}
	}
	return list
}
