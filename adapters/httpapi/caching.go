package httpapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/surrogate"
	"github.com/sheafdb/sheaf/ports"
)

const (
	// revalidate lets the caller keep an answer, and use it after asking.
	revalidate = "private, no-cache"
	// authorizationField is what a private answer varies with, beside what all do.
	authorizationField = "Authorization"
)

// cacheStatus says what the cache before the store did (RFC 9211).
var cacheStatus = map[ports.Source]string{
	ports.FromMemory: "sheaf; hit; detail=memory", ports.FromShared: "sheaf; hit; detail=shared", ports.FromStore: "sheaf; fwd=miss",
}

// shared are the headers of an answer that caches of many may keep.
type shared struct {
	// control is for caches that belong to the one who runs the server (RFC 9213).
	control string
	// keys are those that a purge names.
	keys []string
}

// keep says how an answer about documents of a collection may be kept: about one of them, or about which there are where shown is nil. expand is what it follows.
//
// A public collection's answers are public whoever asked: there is nothing in them that another caller would not see. That goes for its documents as they are, and
// not for their history.
func (s *Server) keep(ctx context.Context, a *answer, name ident.Collection, shown *document.Document, expand string) {
	caching := s.Documents.Caching(ctx, name, shown, expand)
	policy := caching.CachePolicy
	if policy == (collection.CachePolicy{}) {
		a.cache = revalidate
		return
	}
	// Who sends a token wants what is newer than it, and not what a cache on the way has kept of an answer to somebody else.
	a.varies = tokenHeader
	switch newer := !exchangeOf(ctx).seen.IsZero(); {
	case newer && policy.Public:
		a.cache, a.edge = "public, no-cache", &shared{control: "no-store"}
		return
	case newer:
		a.cache = revalidate
		return
	case !policy.Public:
		a.cache = cacheControl("private", policy.MaxAge, -1, policy)
		return
	}
	a.cache = cacheControl("public", policy.MaxAge, policy.SharedMaxAge, policy)
	a.edge = &shared{control: cacheControl("", policy.SharedMaxAge, -1, policy), keys: []string{surrogate.Collection(name)}}
	if shown == nil {
		a.edge.keys = append(a.edge.keys, surrogate.List(name))
	} else {
		a.edge.keys = append(a.edge.keys, surrogate.Document(name, shown.ID))
	}
	for _, other := range caching.Follows {
		a.edge.keys = append(a.edge.keys, surrogate.Collection(other), surrogate.List(other))
	}
}

// cacheControl writes the directives of RFC 9111 and RFC 5861. A sharedAge below zero is left out, and so are times of nothing; an answer that is to be asked for
// anew every time says so.
func cacheControl(who string, age, sharedAge time.Duration, policy collection.CachePolicy) string {
	b := append(make([]byte, 0, 112), who...)
	put := func(directive string, d time.Duration) {
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(b, directive...)
		if d >= 0 {
			b = strconv.AppendInt(b, int64(d/time.Second), 10)
		}
	}
	if age <= 0 && sharedAge <= 0 && policy.StaleWhileRevalidate == 0 && policy.StaleIfError == 0 {
		put("no-cache", -1)
		return string(b)
	}
	put("max-age=", max(0, age))
	if sharedAge >= 0 {
		put("s-maxage=", sharedAge)
	}
	if policy.StaleWhileRevalidate > 0 {
		put("stale-while-revalidate=", policy.StaleWhileRevalidate)
	}
	if policy.StaleIfError > 0 {
		put("stale-if-error=", policy.StaleIfError)
	}
	return string(b)
}

// set adds the headers to an answer: one list of keys in the two spellings that are in use.
func (e *shared) set(h map[string][]string) {
	h["Cdn-Cache-Control"] = []string{e.control}
	if len(e.keys) == 0 {
		return
	}
	h["Surrogate-Key"] = []string{strings.Join(e.keys, " ")}
	h["Cache-Tag"] = []string{strings.Join(e.keys, ",")}
}
