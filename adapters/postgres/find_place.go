package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// maxKey is above every key: no key of an index begins with it.
var maxKey = []byte{0xFF}

// bounds are the ends of spans as arrays.
func bounds(spans []index.Span) (from, to [][]byte) {
	for _, s := range spans {
		end := s.To
		if end == nil {
			end = maxKey
		}
		from, to = append(from, append([]byte{}, s.From...)), append(to, end)
	}
	return from, to
}

// orderKey returns what the key of an entry has of the order, without what its span binds.
func orderKey(p search.Plan, key []byte, span int) []byte {
	if p.Index == nil {
		return nil
	}
	return slices.Clone(key[len(p.Prefix[span]):])
}

// entryKey returns the key that an entry has in a span at a place of the order.
func entryKey(p search.Plan, at []byte, span int) []byte {
	return append(slices.Clone(p.Prefix[span]), at...)
}

// readPlace reads the place of a document from a row of placesStatement.
func readPlace(rows pgx.Rows, f ports.Find, paths []query.Path) (search.Position, error) {
	if f.Plan.Ordered {
		var span int
		var key []byte
		var id string
		err := rows.Scan(&span, &key, &id)
		if err != nil {
			return search.Position{}, err
		}
		return search.Position{Key: orderKey(f.Plan, key, span-1), ID: id}, nil
	}
	if f.Query.Order.ByID() {
		var at search.Position
		return at, rows.Scan(&at.ID)
	}
	var d document.Document
	var id string
	var values []byte
	var rank float32
	into := []any{&id, &d.Revision, &d.CreatedAt, &d.UpdatedAt, &values}
	switch {
	case byRankAlone(f):
		into, values = []any{&id, &rank}, []byte(`[]`)
	case f.Query.Order.Ranked():
		into = append(into, &rank)
	}
	if err := rows.Scan(into...); err != nil {
		return search.Position{}, err
	}
	var err error
	if d.ID, err = ident.ParseDocument(id); err != nil {
		return search.Position{}, fault.Wrap(err, fault.Internal, "internal", "a stored document cannot be read")
	}
	tree, err := treeOf(paths, values)
	return f.Query.Order.OfRanked(d, tree, rank), err
}

// treeOf puts values, a JSON array, at their paths; what is null may as well be missing.
func treeOf(paths []query.Path, values []byte) (any, error) {
	decoded, err := jsontext.Decode(values)
	if err != nil {
		return nil, err
	}
	list, _ := decoded.([]any)
	root := map[string]any{}
	for i, path := range paths {
		if list[i] == nil {
			continue
		}
		at := root
		for _, name := range path[:len(path)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[path[len(path)-1]] = list[i]
	}
	return root, nil
}
