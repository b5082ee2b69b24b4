package search

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// maxTerms bounds an order: more terms than an index has fields cannot be indexed.
const maxTerms = index.MaxFields

// Order is how a list is ordered. The zero Order is by id. It is immutable.
type Order struct {
	terms []index.Field
	// keys makes the keys of the terms: the order is that of an index which has them as fields.
	keys *index.Index
}

// ParseOrder reads terms such as "doc.total desc, createdAt", separated by commas. "rank desc" has the documents first that match a search best; see Ranked.
// env is that of filters: a member that the schema rules out is refused.
// It fails with fault.Malformed and code "order.invalid".
func ParseOrder(text string, env *query.Env) (Order, error) {
	if strings.TrimSpace(text) == "" {
		return Order{}, nil
	}
	var o Order
	var faults []fault.Violation
	fail := func(term, message string) {
		faults = append(faults, fault.Violation{In: "query", Pointer: "orderBy", Code: "orderBy", Message: term + ": " + message})
	}
	for _, term := range splitList(text) {
		term = strings.TrimSpace(term)
		if rank, is := parseRank(term); is {
			o.terms = append(o.terms, rank)
			continue
		}
		f, err := index.ParseField(term)
		switch {
		case err != nil:
			fail(shown(term), fault.Find(err).Text)
			continue
		case f.Each:
			fail(shown(term), "an order leads through no array")
			continue
		}
		if f.Column == "" {
			if err := checkPath(f, env); err != nil {
				fail(shown(term), firstMessage(err))
				continue
			}
		}
		if f.Column == index.ID && !f.Desc {
			break // nothing behind it matters
		}
		o.terms = append(o.terms, f)
	}
	if len(o.terms) > maxTerms {
		fail("orderBy", "has too many terms")
	}
	if len(faults) > 0 {
		return Order{}, fault.New(fault.Malformed, "order.invalid", "the order cannot be read").With(faults...)
	}
	if len(o.terms) == 0 {
		return Order{}, nil
	}
	o.keys = &index.Index{Name: "order", Kind: index.Ordered, Fields: o.terms}
	return o, nil
}

// checkPath asks the language of filters whether there can be such a member.
func checkPath(f index.Field, env *query.Env) error {
	if env == nil || env.Variables["doc"].Reaches(f.Path) {
		return nil
	}
	f.Desc = false
	anything := *env
	anything.Result = query.Dynamic
	_, err := query.Compile(f.String(), &anything)
	return err
}

func firstMessage(err error) string {
	f := fault.Find(err)
	if f != nil && len(f.Violations) > 0 {
		return f.Violations[0].Message
	}
	return "is not a path"
}

// shown is a term as a message repeats it.
func shown(term string) string {
	const most = 80
	if len(term) > most {
		return strings.ToValidUTF8(term[:most], "") + "…"
	}
	return term
}

// splitList cuts at the commas that are in no quotes and no brackets.
func splitList(text string) []string {
	var parts []string
	quote, depth, start := byte(0), 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// ByID says that the order is that of the ids.
func (o Order) ByID() bool { return len(o.terms) == 0 }

// Terms returns the terms, which are not to be changed.
func (o Order) Terms() []index.Field { return o.terms }

// String returns the order as ParseOrder reads it. Equal orders have equal texts.
func (o Order) String() string {
	terms := make([]string, len(o.terms))
	for i, t := range o.terms {
		terms[i] = t.String()
	}
	return strings.Join(terms, ",")
}

// Paths returns what the terms need of a document's data.
func (o Order) Paths() []query.Path {
	var paths []query.Path
	for _, t := range o.terms {
		if t.Column == "" {
			paths = append(paths, t.Path)
		}
	}
	return paths
}

// Of returns the place of a document.
func (o Order) Of(d document.Document) (Position, error) {
	if o.ByID() {
		return Position{ID: d.ID.String()}, nil
	}
	key, err := o.keys.KeyOf(d.Indexable())
	return Position{Key: key, ID: d.ID.String()}, err
}

// OfTree is Of for a document whose data is decoded, or the parts of it that Paths names.
func (o Order) OfTree(d document.Document, tree any) Position { return o.OfRanked(d, tree, 0) }

// OfRanked is OfTree for a document that matches a search as well as rank says.
func (o Order) OfRanked(d document.Document, tree any, rank float32) Position {
	if o.ByID() {
		return Position{ID: d.ID.String()}
	}
	ranked := d.Indexable()
	ranked.Rank = rank
	return Position{Key: o.keys.KeyOfTree(ranked, tree), ID: d.ID.String()}
}

// Compare says which of two places comes first.
func (p Position) Compare(q Position) int {
	return cmp.Or(bytes.Compare(p.Key, q.Key), strings.Compare(p.ID, q.ID))
}

// is says whether fields are the terms.
func (o Order) is(fields []index.Field) bool {
	return slices.EqualFunc(fields, o.terms, func(f, t index.Field) bool {
		return !f.Each && f.Column == t.Column && f.Desc == t.Desc && slices.Equal(f.Path, t.Path)
	})
}
