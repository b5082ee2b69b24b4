package app

import (
	"context"
	"errors"
	"slices"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// ListDocuments is a request for a page of documents.
type ListDocuments struct {
	Collection ident.Collection
	// Filter, OrderBy, Fields and Expand are as they came; "" is everything, by id, all members, and no references.
	Filter, OrderBy, Fields, Expand string
	Paging
	// AllowScan lets the query read as much as it takes.
	AllowScan bool
	Explain   bool
	// Known are the tags of pages that the caller has; nil is none.
	Known *Tags
}

// DocumentPage is a page of documents.
type DocumentPage struct {
	Page[document.Document]
	// Expanded is what each item refers to; nil where it was not asked for.
	Expanded []Expanded
	// Previous is the token of the page before, "" where there is none.
	Previous string
	// Explain is set when it was asked for.
	Explain *Explanation
	// Tag is the strong entity tag of the page: equal tags are equal pages. It is "" where nothing that is cheap to find out tells whether a page has changed.
	Tag string
	// Unchanged says that the caller has the page: nothing else is in here but its tag.
	Unchanged bool
}

// Explanation is how the documents of a page were found.
type Explanation struct {
	search.Plan
	// Estimated is how many entries or documents the plan would read at most, -1 where nobody had to ask.
	Estimated int64
	Examined  int64
	Returned  int
}

// listing is a request that is checked.
type listing struct {
	*prepared
	collection *collection.Collection
	// living is which documents there are when it is asked.
	living    index.Living
	expansion *expansion
	cursor    query.Cursor
	from      *search.Position
}

// asked is what the list asks for now.
func (l *listing) asked() search.Query {
	q := l.query
	q.Living = l.living
	return q
}

// List returns a page of the documents that match. Pages of large documents hold fewer of them.
// It fails with fault.NotFound (no collection), with fault.Malformed for a filter, an order, fields or a page token that cannot be read, and with
// an *UnindexedError for a query that would read too much.
func (d *Documents) List(ctx context.Context, _ Caller, r ListDocuments) (DocumentPage, error) {
	for range judgements {
		page, err := d.list(ctx, r)
		if !errors.Is(err, collection.ErrChanged) {
			return page, err
		}
		d.Catalog.Forget(r.Collection) // an index that it was to be found by is gone
	}
	return DocumentPage{}, collection.ErrChanged
}

func (d *Documents) list(ctx context.Context, r ListDocuments) (DocumentPage, error) {
	l, err := d.listing(ctx, r)
	if err != nil {
		return DocumentPage{}, err
	}
	if tag, yes, err := d.unchanged(ctx, l.collection, r); yes || err != nil {
		return DocumentPage{Tag: tag, Unchanged: yes}, err
	}
	plan, estimated, err := d.plan(ctx, l, r.AllowScan)
	if err != nil {
		return DocumentPage{}, err
	}
	found, err := d.find(ctx, l, plan, query.PageSize(r.Size))
	if err != nil {
		return DocumentPage{}, err
	}
	page, err := l.page(found)
	if err != nil {
		return DocumentPage{}, err
	}
	if page.Expanded, err = d.expand(ctx, l.expansion, page.Items, l.living.At); err != nil {
		return DocumentPage{}, err
	}
	if err := l.project(page.Items); err != nil {
		return DocumentPage{}, err
	}
	page.Count, err = count(r.Count, func(kind query.CountKind) (query.Count, error) { return d.countFound(ctx, l, plan, kind) })
	if err != nil {
		return DocumentPage{}, err
	}
	if page.Count != nil && found.At != ports.Unplaced {
		// The count is of another moment, unless nothing has happened in between.
		if at, err := d.Store.Position(ctx, l.collection.Bucket); err != nil || at != found.At {
			found.At = ports.Unplaced
		}
	}
	page.Tag = r.tag(l.collection, found.At)
	if r.Explain {
		page.Explain = &Explanation{Plan: plan, Estimated: estimated, Examined: found.Examined, Returned: len(found.Items)}
	}
	return page, nil
}

// listing reads the request, and reports all that is wrong with it at once.
func (d *Documents) listing(ctx context.Context, r ListDocuments) (*listing, error) {
	c, err := d.Catalog.Get(ctx, r.Collection)
	if err != nil {
		return nil, err
	}
	p, wrong := d.prepare(c, r)
	l := &listing{prepared: p, collection: c, living: c.Living(d.Clock())}
	var failed error
	l.expansion, failed = d.expansion(ctx, c, r.Expand)
	if err := together(append(wrong, failed)); err != nil {
		return nil, err
	}
	l.cursor, err = query.ParseCursor(l.list, r.Token)
	if err != nil {
		return nil, err
	}
	if r.Token != "" {
		l.from = &search.Position{Key: l.cursor.Key, ID: l.cursor.After}
	}
	return l, nil
}

// together makes one fault of several: the first one's code, the violations of all.
func together(list []error) error {
	var first *fault.Error
	for _, err := range list {
		if err == nil {
			continue
		}
		f := fault.Find(err)
		switch {
		case f == nil || f.Kind != fault.Malformed:
			return err
		case first == nil:
			first = f
		default:
			first = first.With(f.Violations...)
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// find reads the page.
func (d *Documents) find(ctx context.Context, l *listing, plan search.Plan, size int) (ports.Found, error) {
	return d.Store.Find(ctx, l.collection.Key, ports.Find{
		Query: l.asked(), Plan: plan, From: l.from, Back: l.cursor.Back, Limit: size, Bytes: pageBytes,
	})
}

// page turns what was found into an answer: in the order of the list, with the tokens of the pages around.
func (l *listing) page(found ports.Found) (DocumentPage, error) {
	if l.cursor.Back {
		slices.Reverse(found.Items)
		slices.Reverse(found.Ends)
	}
	var page DocumentPage
	page.Items = found.Items
	if len(page.Items) == 0 {
		return page, nil
	}
	var err error
	if found.More || l.cursor.Back {
		if page.Next, err = l.token(found, 1); err != nil {
			return page, err
		}
	}
	if l.cursor.Back && found.More || !l.cursor.Back && l.from != nil {
		if page.Previous, err = l.token(found, 0); err != nil {
			return page, err
		}
	}
	return page, nil
}

// token leads on from an end of a page: 0 back from its first document, 1 on from its last.
func (l *listing) token(found ports.Found, end int) (string, error) {
	var at search.Position
	if found.Ends != nil {
		at = found.Ends[end]
	} else {
		var err error
		if at, err = l.query.Order.Of(found.Items[end*(len(found.Items)-1)]); err != nil {
			return "", err
		}
	}
	return query.Cursor{List: l.cursor.List, After: at.ID, Key: at.Key, Back: end == 0}.Format(), nil
}

// project cuts documents to the fields that are asked for, and to what an answer may show. It comes last: references may lie outside of them.
func (l *listing) project(items []document.Document) error {
	for i := range items {
		var err error
		if items[i].Data, err = l.fields.Apply(l.collection.Shown(items[i].Data, l.fields.Names)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Documents) countFound(ctx context.Context, l *listing, plan search.Plan, kind query.CountKind) (query.Count, error) {
	if l.query.Filter == nil && (l.living.Expiry == nil || kind == query.CountEstimated) {
		return d.Store.Count(ctx, l.collection.Key, kind)
	}
	if kind == query.CountExact {
		n, err := d.Store.CountFound(ctx, l.collection.Key, l.asked(), plan, 0)
		return query.Count{Value: n, Kind: "exact"}, err
	}
	// What a filter lets through cannot be estimated well: counting as far as a capped count costs little.
	n, err := d.Store.CountFound(ctx, l.collection.Key, l.asked(), plan, query.CountCap+1)
	return query.CappedCount(n), err
}

// UnindexedError is a query that would read too much, with the index that would help.
type UnindexedError struct {
	Fault *fault.Error
	// Suggestion is the declaration of an index as decoded JSON, nil where none would help.
	Suggestion map[string]any
}

// Error returns the text of the fault.
func (e *UnindexedError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *UnindexedError) Unwrap() error { return e.Fault }

// plan chooses how the query is answered; docs/queries.md explains it. estimated is -1 where nothing had to be counted.
func (d *Documents) plan(ctx context.Context, l *listing, allowScan bool) (plan search.Plan, estimated int64, err error) {
	plans := l.plans
	if _, part := l.query.Search(); part >= 0 {
		return d.planWords(ctx, l, allowScan)
	}
	var best, wide *search.Plan
	estimated = -1
	selective := true // an index says that many documents match
	for i := range plans {
		p := &plans[i]
		switch {
		case !usable(p, l.from):
		case p.Ordered && len(p.Residual) == 0:
			return *p, -1, nil // reads a page and no more
		case p.Bound > 0:
			n, err := d.Store.CountEntries(ctx, l.collection.Key, p.Index.ID, p.Spans, d.Limits.Scan+1)
			if err != nil {
				return search.Plan{}, 0, err
			}
			if n <= d.Limits.Scan && (best == nil || n < estimated) {
				best, estimated = p, n
			}
			if n > d.Limits.Scan && p.Ordered && wide == nil {
				wide = p
			}
			selective = selective && n <= d.Limits.Scan
		}
	}
	scan := plans[len(plans)-1]
	switch {
	case best != nil:
		return *best, estimated, nil
	case wide != nil:
		return *wide, d.Limits.Scan + 1, nil
	case scan.Ordered && !selective:
		return scan, d.Limits.Scan + 1, nil // matches are so many that one is never far
	}
	n, err := d.Store.CountFound(ctx, l.collection.Key, search.Query{}, search.Plan{}, d.Limits.Scan+1)
	if err != nil {
		return search.Plan{}, 0, err
	}
	if !allowScan && n > d.Limits.Scan {
		return search.Plan{}, 0, unindexed(l)
	}
	if i := slices.IndexFunc(plans, func(p search.Plan) bool { return p.Ordered && usable(&p, l.from) }); i >= 0 && n > d.Limits.Scan {
		return plans[i], n, nil
	}
	return scan, n, nil
}

// usable says whether a plan can go on from a place: the key of an entry whose values are very long is cut, and does not tell how those of the order go on.
func usable(p *search.Plan, from *search.Position) bool {
	if p.Index == nil || !p.Ordered || from == nil {
		return true
	}
	longest := 0
	for _, prefix := range p.Prefix {
		longest = max(longest, len(prefix))
	}
	return len(from.Key)+longest <= index.WholeKeyBytes
}

func unindexed(l *listing) error {
	suggestion := search.Suggest(l.query)
	text := "no index answers this query, and the collection is large; allowScan=true reads all of it"
	if suggestion != nil {
		text = "no index answers this query, and the collection is large: declare the suggested index, or read everything with allowScan=true"
	}
	return &UnindexedError{Fault: fault.New(fault.Invalid, "query.unindexed", "%s", text), Suggestion: suggestion}
}

// Present makes of a document what an answer shows of it: cut to fields, and with what references lead to, as in a list.
// It fails with fault.Malformed where these cannot be read.
func (d *Documents) Present(ctx context.Context, name ident.Collection, found document.Document, fields, expand string) (document.Document, Expanded, error) {
	c, err := d.Catalog.Get(ctx, name)
	if err != nil {
		return found, nil, err
	}
	if fields == "" && expand == "" {
		found.Data = c.Shown(found.Data, nil)
		return found, nil, nil
	}
	l := &listing{prepared: &prepared{}, collection: c}
	var wrong, failed error
	l.fields, wrong = search.ParseFields(fields, c.Filters())
	l.expansion, failed = d.expansion(ctx, c, expand)
	if err := together([]error{wrong, failed}); err != nil {
		return found, nil, err
	}
	items := []document.Document{found}
	expanded, err := d.expand(ctx, l.expansion, items, d.Clock())
	if err != nil {
		return found, nil, err
	}
	if err := l.project(items); err != nil || expanded == nil {
		return items[0], nil, err
	}
	return items[0], expanded[0], nil
}
