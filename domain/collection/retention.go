package collection

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// FeedGrace is how long every change is kept, whatever the retention says: who follows the feed may be that late.
const FeedGrace = time.Hour

// maxRevisions bounds how many revisions a retention names.
const maxRevisions = 1_000_000

// Retention says how much of the history of documents is kept. The newest revision of a document always is.
type Retention struct {
	// Keep is how long a revision is kept after another one has followed it; 0 is for ever.
	Keep time.Duration
	// Revisions is how many of them are kept; 0 is all.
	Revisions int
}

// retention reads the member "history" of a configuration.
func (p *parsing) retention(pointer string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object")
		return
	}
	var r Retention
	for _, key := range sortedKeys(object) {
		at := jsontext.AppendPointer(pointer, key)
		switch key {
		case "keep":
			r.Keep = p.keep(at, object[key])
		case "revisions":
			n, _ := object[key].(json.Number)
			count, err := strconv.Atoi(string(n))
			if r.Revisions = count; err != nil || count < 1 || count > maxRevisions {
				p.fail(at, "type", "must be a whole number from 1 to 1000000")
			}
		default:
			p.fail(at, "unknownField", `is not a member of "history"; it has "keep" and "revisions"`)
		}
	}
	if len(object) == 0 {
		p.fail(pointer, "minProperties", `must have "keep", "revisions", or both`)
	}
	p.config.History = &r
}

func (p *parsing) keep(pointer string, value any) time.Duration {
	text, ok := p.text(pointer, value)
	if !ok {
		return 0
	}
	d, ok := ParseDuration(text)
	switch {
	case !ok:
		p.fail(pointer, "format", "must be a duration such as 12h or 90d")
	case d < FeedGrace:
		p.fail(pointer, "minimum", "must be at least 1h: who follows the feed may be that late")
	}
	return d
}

// Tree returns the retention as decoded JSON, in the form that a configuration declares it.
func (r Retention) Tree() map[string]any {
	tree := map[string]any{}
	if r.Keep > 0 {
		tree["keep"] = FormatDuration(r.Keep)
	}
	if r.Revisions > 0 {
		tree["revisions"] = json.Number(strconv.Itoa(r.Revisions))
	}
	return tree
}

// Trims returns what goes at an instant, none where everything is kept.
func (r *Retention) Trims(at time.Time) []change.Trim {
	var trims []change.Trim
	if r != nil && r.Keep > 0 {
		trims = append(trims, change.Trim{Reason: change.ByAge, Keep: 1, Before: at.Add(-r.Keep)})
	}
	if r != nil && r.Revisions > 0 {
		trims = append(trims, change.Trim{Reason: change.ByNumber, Keep: r.Revisions, Before: at.Add(-FeedGrace)})
	}
	return trims
}
