package postgres

import (
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// The statements of searches are put together here: what they have in common is that each reads a stretch of one primary key, in its order, and documents
// by their whole keys. Limits stand in them as they are, so that the planner knows that the beginning of a stretch is enough.

// statement is a statement with its arguments.
type statement struct {
	sql  string
	args []any
}

// builder writes a statement over the documents d and the entries e of one collection.
type builder struct {
	strings.Builder
	args   expression.Arguments
	bucket string
	key    collection.Key
	index  string // the id of the index that is read
	id     string // of the collection, once it is bound: a parameter that is not used has no type
	err    error
}

func newBuilder(key collection.Key) *builder {
	b := &builder{key: key}
	b.bucket = b.bind(key.Bucket, "integer")
	return b
}

func (b *builder) collection() string {
	if b.id == "" {
		b.id = b.bind(b.key.ID, "integer")
	}
	return b.id
}

func (b *builder) write(parts ...string) {
	for _, part := range parts {
		b.WriteString(part)
	}
}

func (b *builder) bind(value any, typ string) string { return b.args.Add(value, typ) }

func (b *builder) done() (statement, error) { return statement{b.String(), b.args.Values()}, b.err }

const documentColumns = `d.id, d.revision, d.schema_revision, d.created_at, d.updated_at, d.data`

// documents is every document of the collection.
func (b *builder) documents() {
	b.write(` FROM public.documents AS d WHERE d.bucket = `, b.bucket, ` AND d.collection_id = `, b.collection())
}

// lookUp joins the document of each entry. The subquery keeps the planner from turning the join around.
func (b *builder) lookUp() {
	b.write(` CROSS JOIN LATERAL (SELECT x.* FROM public.documents AS x WHERE x.bucket = `, b.bucket, ` AND x.collection_id = `, b.collection(), ` AND x.id = e.id OFFSET 0) AS d`)
}

// spans is every entry in the spans of an index.
func (b *builder) spans(indexID int32, spans []index.Span) {
	from, to := bounds(spans)
	id := b.bind(indexID, "integer")
	b.write(` FROM unnest(`, b.bind(from, "bytea[]"), `, `, b.bind(to, "bytea[]"), `) AS s(lo, hi) CROSS JOIN LATERAL (SELECT x.key, x.id FROM public.index_entries AS x WHERE x.bucket = `,
		b.bucket, ` AND x.index_id = `, id, ` AND x.key >= s.lo AND x.key < s.hi OFFSET 0) AS e`)
	b.index = id
}

// entriesOf is what a plan reads of its index, in the alias e: the entries in its spans, or those that have its words.
func (b *builder) entriesOf(p search.Plan) {
	if p.Index.Kind == index.Words {
		b.texts(p)
		return
	}
	b.spans(p.Index.ID, p.Spans)
}

// texts is every entry of a text index that has the words, in the alias e; what is searched for is w.words.
// The subqueries keep the planner from working out for each row what the words are, and from reading all entries of the index instead of those with the words.
func (b *builder) texts(p search.Plan) {
	b.index = b.bind(p.Index.ID, "integer")
	b.write(` FROM (SELECT public.sheaf_text_words_v1(`, b.bind(p.Index.Language, "text"), `, `, b.bind(p.Words, "text"), `) AS words OFFSET 0) AS w`,
		` CROSS JOIN LATERAL (SELECT public.sheaf_text_query_v1(`, b.index, `, w.words) AS query OFFSET 0) AS q`,
		` JOIN LATERAL (SELECT x.bucket, x.index_id, x.id, x.text FROM public.text_entries AS x WHERE x.text @@ q.query OFFSET 0) AS e`,
		` ON e.bucket = `, b.bucket, ` AND e.index_id = `, b.index)
}

// rank is how well an entry matches: by the weights of the fields that have the words, and how many words there are besides.
const rank = `ts_rank(e.text, w.words, 1)`

// ready is the condition that the index which is read is ready, and an error where it is not. The function would do by itself, and takes as long as reading five documents.
func (b *builder) ready() string {
	return `(EXISTS (SELECT FROM public.collection_indexes AS r WHERE r.index_id = ` + b.index + ` AND r.state = 'r') OR public.sheaf_index_ready_v1(` + b.index + `))`
}

// entries is the condition of entries of an index, in the alias e.
func (b *builder) entries(indexID int32) {
	b.index = b.bind(indexID, "integer")
	b.write(` WHERE `, b.ready(), ` AND e.bucket = `, b.bucket, ` AND e.index_id = `, b.index)
}

// residual adds what has to be true for a document.
func (b *builder) residual(parts []query.Node) {
	for _, part := range parts {
		f, err := expression.Value(part, expression.DocumentRow(), &b.args)
		if err != nil {
			b.err = err
			return
		}
		b.write(` AND `, f.Bool())
	}
}

// descending turns an order around for who goes back.
func descending(f ports.Find) string {
	if f.Back {
		return ` DESC`
	}
	return ``
}

// behind adds the condition that an entry lies behind a place; going back, in front of it.
func (b *builder) behind(f ports.Find, key, id string) {
	b.write(` AND (e.key, e.id) `, direction(f), ` (`, key, `, `, id, `)`)
}

func direction(f ports.Find) string {
	if f.Back {
		return `<`
	}
	return `>`
}

func (b *builder) inOrder(f ports.Find, limit int) {
	b.write(` ORDER BY e.key`, descending(f), `, e.id`, descending(f), ` LIMIT `, strconv.Itoa(limit))
}

// orderedStatement reads at most limit documents in the order of the list, with the keys of their entries, of a plan with one span or with no index.
// In front of these is a row with the position of the bucket at the same moment, so that there is one also where no document is found.
func orderedStatement(key collection.Key, f ports.Find, from *search.Position, limit int) (statement, error) {
	b := newBuilder(key)
	b.write(`SELECT NULL::bytea, NULL::text, x.position, NULL::bigint, NULL::timestamptz AS created_at, NULL::timestamptz AS updated_at, NULL::jsonb FROM public.buckets AS x WHERE x.bucket = `, b.bucket, ` UNION ALL (`)
	b.page(f, from, limit)
	b.write(`)`)
	return b.done()
}

func (b *builder) page(f ports.Find, from *search.Position, limit int) {
	if f.Plan.Index == nil {
		b.write(`SELECT NULL::bytea, `, documentColumns)
		b.documents()
		if from != nil {
			b.write(` AND d.id `, direction(f), ` `, b.bind(from.ID, "text"))
		}
		b.living(f.Query.Living)
		b.residual(f.Plan.Residual)
		b.write(` ORDER BY d.id`, descending(f), ` LIMIT `, strconv.Itoa(limit))
		return
	}
	span := f.Plan.Spans[0]
	b.write(`SELECT e.key, `, documentColumns, ` FROM public.index_entries AS e`)
	b.lookUp()
	b.entries(f.Plan.Index.ID)
	lo, hi := bounds([]index.Span{span})
	b.write(` AND e.key >= `, b.bind(lo[0], "bytea"), ` AND e.key < `, b.bind(hi[0], "bytea"))
	if from != nil {
		b.behind(f, b.bind(entryKey(f.Plan, from.Key, 0), "bytea"), b.bind(from.ID, "text"))
	}
	b.living(f.Query.Living)
	b.residual(f.Plan.Residual)
	b.inOrder(f, limit)
}

// placesStatement reads the places of documents: of each span as many as the page may need, or of everything that matches.
func placesStatement(key collection.Key, f ports.Find) (statement, error) {
	b := newBuilder(key)
	if f.Plan.Ordered {
		b.merged(f)
		return b.done()
	}
	byID, byRank := f.Query.Order.ByID(), byRankAlone(f)
	switch {
	case byRank:
		b.write(`SELECT e.id, `, rank)
	case byID && f.Plan.Index != nil:
		b.write(`SELECT e.id`)
	case byID:
		b.write(`SELECT d.id`)
	default:
		b.write(`SELECT d.id, d.revision, d.created_at, d.updated_at, jsonb_build_array(`)
		for i, path := range f.Query.Order.Paths() {
			if i > 0 {
				b.write(`, `)
			}
			b.write(`d.data`)
			for _, name := range path { // a path as a whole would lead through arrays, too
				b.write(` -> `, b.bind(name, "text"))
			}
		}
		b.write(`)`)
		if f.Query.Order.Ranked() {
			b.write(`, `, rank)
		}
	}
	if f.Plan.Index == nil {
		b.documents()
	} else {
		b.entriesOf(f.Plan)
		if !byID && !byRank || looksAtDocuments(f.Query, f.Plan) {
			b.lookUp()
		}
		b.write(` WHERE `, b.ready())
	}
	b.living(f.Query.Living)
	b.residual(f.Plan.Residual)
	return b.done()
}

// looksAtDocuments says that it takes the document of an entry to say whether it is found.
func looksAtDocuments(q search.Query, p search.Plan) bool {
	return len(p.Residual) > 0 || q.Living.Expiry != nil
}

// byRankAlone says that documents need not be looked at to be sorted.
func byRankAlone(f ports.Find) bool { return f.Query.Order.Ranked() && len(f.Query.Order.Terms()) == 1 }

// merged reads the beginnings of spans, each in the order of the list.
func (b *builder) merged(f ports.Find) {
	from, to := bounds(f.Plan.Spans)
	places := make([][]byte, len(f.Plan.Spans))
	for i := range places {
		if places[i] = []byte{}; f.From != nil {
			places[i] = entryKey(f.Plan, f.From.Key, i)
		}
	}
	b.write(`SELECT s.n::integer, m.key, m.id FROM unnest(`, b.bind(from, "bytea[]"), `, `, b.bind(to, "bytea[]"), `, `, b.bind(places, "bytea[]"),
		`) WITH ORDINALITY AS s(lo, hi, at, n) CROSS JOIN LATERAL (SELECT e.key, e.id FROM public.index_entries AS e`)
	if looksAtDocuments(f.Query, f.Plan) {
		b.lookUp()
	}
	b.entries(f.Plan.Index.ID)
	b.write(` AND e.key >= s.lo AND e.key < s.hi`)
	if f.From != nil {
		b.behind(f, `s.at`, b.bind(f.From.ID, "text"))
	}
	b.living(f.Query.Living)
	b.residual(f.Plan.Residual)
	b.inOrder(f, f.Limit+1)
	b.write(`) AS m`)
}

// fetchStatement reads documents by their ids.
func fetchStatement(key collection.Key, ids []string) statement {
	b := newBuilder(key)
	b.write(`SELECT NULL::bytea, `, documentColumns, ` FROM unnest(`, b.bind(ids, "text[]"), `) AS e(id)`)
	b.lookUp()
	st, _ := b.done() // only a residual can fail
	return st
}

// countStatement counts the documents that match, at most limit; 0 counts all.
func countStatement(key collection.Key, q search.Query, p search.Plan, limit int64) (statement, error) {
	b := newBuilder(key)
	b.write(`SELECT count(*) FROM (SELECT`)
	if p.Repeats {
		b.write(` DISTINCT e.id`)
	}
	if p.Index == nil {
		b.documents()
	} else {
		b.entriesOf(p)
		if looksAtDocuments(q, p) {
			b.lookUp()
		}
		b.write(` WHERE `, b.ready())
	}
	b.living(q.Living)
	b.residual(p.Residual)
	if limit > 0 {
		b.write(` LIMIT `, strconv.FormatInt(limit, 10))
	}
	b.write(`) AS counted`)
	return b.done()
}

func countEntriesStatement(key collection.Key, indexID int32, spans []index.Span, limit int64) statement {
	b := newBuilder(key)
	b.write(`SELECT count(*) FROM (SELECT`)
	b.spans(indexID, spans)
	b.write(` WHERE `, b.ready(), ` LIMIT `, strconv.FormatInt(limit, 10), `) AS counted`)
	st, _ := b.done() // only a residual can fail
	return st
}
