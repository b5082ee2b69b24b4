package app

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// Tags are the entity tags, in their quotes, of answers that a caller has. Any stands for all there are.
type Tags struct {
	Any  bool
	Tags []string
}

// Has says whether an answer with this tag is one of them; nil has none, and "" is no tag.
func (t *Tags) Has(tag string) bool {
	return t != nil && (t.Any || tag != "" && slices.Contains(t.Tags, tag))
}

// answerForm is a part of every tag: it is raised when the same documents are answered with other bytes.
const answerForm = 1

// tagOf makes the entity tag of an answer about the documents of a collection: of the collection as it is configured, of the position of its bucket, and of
// all parts of the request that decide what is in the answer. Answers with equal tags are equal to the byte. It is "" for an answer of no one moment, and for one that
// time alone changes, because documents expire.
func tagOf(c *collection.Collection, at change.Position, parts ...string) string {
	if at == ports.Unplaced || c.Config.Expiry != nil {
		return ""
	}
	b := make([]byte, 0, 256)
	// The time tells a collection from another one with the same key, in another database that took the place of the one before.
	for _, n := range []int64{answerForm, int64(c.Bucket), int64(c.ID), c.CreatedAt.UnixMicro(), c.Revision, int64(at)} {
		b = binary.AppendVarint(b, n)
	}
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	const enough = 18 // bytes, for no two answers to have one tag by chance, and for base64 to come out even
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:enough]) + `"`
}

// tag is the entity tag of a page, read at a position of the collection's bucket. There is none where more than that decides what is in the answer: documents
// of other collections, statistics, or how the page was found.
func (r ListDocuments) tag(c *collection.Collection, at change.Position) string {
	if r.Expand != "" || r.Explain || r.Count == query.CountEstimated {
		return ""
	}
	return tagOf(c, at, "list", r.Filter, r.OrderBy, r.Fields, r.Token, string(binary.AppendVarint(nil, int64(query.PageSize(r.Size)))), string(r.Count))
}

// unchanged says whether the caller has the page already, by the position alone.
func (d *Documents) unchanged(ctx context.Context, c *collection.Collection, r ListDocuments) (tag string, yes bool, err error) {
	if r.Known == nil || r.tag(c, 0) == "" && !r.Known.Any {
		return "", false, nil
	}
	at, err := d.Store.Position(ctx, c.Bucket)
	if err != nil {
		return "", false, err
	}
	tag = r.tag(c, at)
	return tag, r.Known.Has(tag), nil
}
