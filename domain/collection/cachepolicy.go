package collection

import (
	"time"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// CachePolicy says how long an answer about the documents of a collection may be used without asking again. The zero value asks every time, and lets nobody but
// the caller keep it. All times are whole seconds.
type CachePolicy struct {
	// Public says that everybody may see the documents: caches that many share may keep answers and give them to anybody.
	Public bool
	// MaxAge is for whoever asked, SharedMaxAge for shared caches: 0 unless the policy is public, and the same as MaxAge where nothing else was said.
	MaxAge, SharedMaxAge time.Duration
	// sharedGiven says that something else was said.
	sharedGiven bool
	// StaleWhileRevalidate is how much longer an answer may be used while it is asked for anew, StaleIfError while that fails (RFC 5861).
	StaleWhileRevalidate, StaleIfError time.Duration
}

// Meet returns the policy of an answer that two collections have a part in: what both allow.
func (c CachePolicy) Meet(other CachePolicy) CachePolicy {
	return CachePolicy{
		Public: c.Public && other.Public, MaxAge: min(c.MaxAge, other.MaxAge), SharedMaxAge: min(c.SharedMaxAge, other.SharedMaxAge),
		StaleWhileRevalidate: min(c.StaleWhileRevalidate, other.StaleWhileRevalidate), StaleIfError: min(c.StaleIfError, other.StaleIfError),
	}
}

// PolicyOf returns the policy of a collection as an adapter keeps it, without compiling the rest.
func PolicyOf(stored Stored) CachePolicy {
	tree, err := jsontext.Decode(stored.Configuration)
	object, ok := tree.(map[string]any)
	if err != nil || !ok || object["cache"] == nil {
		return CachePolicy{}
	}
	var p parsing
	p.cachePolicy("/cache", object["cache"])
	return p.config.Cache
}

// Within returns the policy of an answer that is not to be used longer than that, not even stale.
func (c CachePolicy) Within(left time.Duration) CachePolicy {
	left = max(0, left.Truncate(time.Second))
	return CachePolicy{Public: c.Public, MaxAge: min(c.MaxAge, left), SharedMaxAge: min(c.SharedMaxAge, left)}
}

// longestAge bounds the times of a policy: what HTTP calls for ever is a year.
const longestAge = 365 * Day

// cachePolicy reads the member "cache" of a configuration.
func (p *parsing) cachePolicy(pointer string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object")
		return
	}
	var c CachePolicy
	times := map[string]*time.Duration{"maxAge": &c.MaxAge, "sMaxAge": &c.SharedMaxAge, "staleWhileRevalidate": &c.StaleWhileRevalidate, "staleIfError": &c.StaleIfError}
	for _, key := range sortedKeys(object) {
		at := jsontext.AppendPointer(pointer, key)
		switch into := times[key]; {
		case into != nil:
			*into = p.age(at, object[key])
		case key == "public":
			if c.Public, ok = object[key].(bool); !ok {
				p.fail(at, "type", "must be true or false")
			}
		default:
			p.fail(at, "unknownField", `is not a member of "cache"; it has "public", "maxAge", "sMaxAge", "staleWhileRevalidate" and "staleIfError"`)
		}
	}
	_, c.sharedGiven = object["sMaxAge"]
	switch {
	case c.sharedGiven && !c.Public:
		p.fail(pointer+"/sMaxAge", "dependentRequired", `counts for shared caches, which keep nothing unless "public" is true`)
	case c.Public && !c.sharedGiven:
		c.SharedMaxAge = c.MaxAge
	}
	p.config.Cache = c
}

// age reads a time of a policy.
func (p *parsing) age(pointer string, value any) time.Duration {
	s, ok := p.text(pointer, value)
	if !ok {
		return 0
	}
	d, ok := ParseDuration(s)
	switch {
	case !ok:
		p.fail(pointer, "format", "must be a duration such as 30s, 5m, 1h or 7d")
	case d > longestAge:
		p.fail(pointer, "maximum", "must be at most 365d")
	}
	return d
}

// tree returns the policy as decoded JSON, nil where it is the one that counts without any.
func (c CachePolicy) tree() map[string]any {
	if c == (CachePolicy{}) {
		return nil
	}
	tree := map[string]any{"public": c.Public, "maxAge": FormatDuration(c.MaxAge)}
	if c.sharedGiven {
		tree["sMaxAge"] = FormatDuration(c.SharedMaxAge)
	}
	if c.StaleWhileRevalidate > 0 {
		tree["staleWhileRevalidate"] = FormatDuration(c.StaleWhileRevalidate)
	}
	if c.StaleIfError > 0 {
		tree["staleIfError"] = FormatDuration(c.StaleIfError)
	}
	return tree
}
