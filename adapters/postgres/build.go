package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/principal"
	"github.com/sheafdb/sheaf/ports"
)

// Bounds of one step of a build, beside the number of documents: writers of the step's documents wait for it.
const (
	stepBytes   = 4 << 20
	stepEntries = 10_000
)

// step is one step of a build.
type step struct {
	ports.IndexBuild
	tx      pgx.Tx
	queries *sqlcgen.Queries
	kept    *index.Set
	last    string // the id of the last document that the build has gone through
	// What the documents of the step have.
	ordered, unique []entry
	texts           []textEntry
	expiring        []string // the ids of those that have instants to be written, with these
	expires         []time.Time
	documents       int
	complete        bool // there are no further documents
	failure         *index.Failure
}

// BuildIndex gives entries to the next documents. It locks the index, then the documents, then their entries, and the counters at the end, as everybody does.
func (s *Store) BuildIndex(ctx context.Context, b ports.IndexBuild) (bool, error) {
	row, err := s.queries.GetIndexState(ctx, sqlcgen.GetIndexStateParams{IndexID: b.ID, CollectionID: b.Key.ID})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.State != string(rune(index.Building)) {
		return true, nil
	}
	if err != nil {
		return false, failed(ctx, err, "build index")
	}
	done := false
	err = s.transact(ctx, "build index", func(tx pgx.Tx, q *sqlcgen.Queries) error {
		last, err := q.ClaimBuild(ctx, sqlcgen.ClaimBuildParams{IndexID: b.ID, CollectionID: b.Key.ID})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another process is at it, or has come to the end
		}
		if err != nil {
			return err
		}
		st := &step{IndexBuild: b, tx: tx, queries: q, kept: index.NewSet(index.Kept{Index: b.Index, ID: b.ID}), last: last}
		done, err = st.run(ctx)
		return err
	})
	if errors.Is(err, errOvertaken) || overtaken(err) {
		return false, nil // the next step begins where this one did
	}
	return done && err == nil, err
}

func (st *step) run(ctx context.Context) (done bool, err error) {
	if err := st.read(ctx); err != nil {
		return false, err
	}
	if st.failure == nil {
		if err := st.write(ctx); err != nil {
			return false, err
		}
	}
	state := index.Building
	var failure *string
	switch {
	case st.failure != nil:
		text, err := json.Marshal(st.failure)
		if err != nil {
			return false, err
		}
		state, failure = index.Failed, new(string(text))
	case st.complete:
		state = index.Ready
	}
	err = st.queries.AdvanceBuild(ctx, sqlcgen.AdvanceBuildParams{
		IndexID: st.ID, LastID: st.last, Documents: int64(st.documents), State: string(rune(state)), Failure: failure,
	})
	if err != nil {
		return false, err
	}
	if state == index.Building {
		// A step that a crash takes back is taken again, and writers of its documents go on some milliseconds earlier.
		return false, st.queries.CommitWithoutWaiting(ctx)
	}
	return true, st.queries.AppendConfigurationChange(ctx, sqlcgen.AppendConfigurationChangeParams{
		CollectionID: st.Key.ID, Op: configurationIndexed, At: st.At, Actor: principal.System.Name,
	})
}

// read locks the next documents and finds out what entries they have.
func (st *step) read(ctx context.Context) error {
	rows, err := st.tx.Query(ctx, sqlcgen.ListDocumentsToIndex, st.Key.Bucket, st.Key.ID, st.last, limitOf(max(st.Limit, 1)))
	if err != nil {
		return err
	}
	defer rows.Close()
	bytes := 0
	for rows.Next() {
		var d index.Document
		if err := rows.Scan(&d.ID, &d.Revision, &d.CreatedAt, &d.UpdatedAt, &d.Data); err != nil {
			return err
		}
		if st.failure = st.take(d); st.failure != nil {
			break
		}
		bytes += len(d.Data)
		if n := len(st.texts); n > 0 && st.texts[n-1].id == d.ID {
			bytes += st.texts[n-1].Size() // what makes words of it takes longer than what reads it
		}
		if bytes > stepBytes || len(st.ordered) > stepEntries {
			break
		}
	}
	rows.Close() // what is left is read and thrown away; an error of it counts
	st.complete = st.failure == nil && st.documents < max(st.Limit, 1) && bytes <= stepBytes && len(st.ordered) <= stepEntries
	return rows.Err()
}

// take adds the entries of a document to those of the step, and returns why it cannot be indexed.
func (st *step) take(d index.Document) *index.Failure {
	entries, err := st.kept.Entries(d)
	if err != nil {
		return &index.Failure{Code: "document.invalid", Message: "document " + d.ID + ": " + fault.Find(err).Text}
	}
	st.last = d.ID
	st.documents++
	if st.Index.Kind == index.Expires {
		st.expiring, st.expires = append(st.expiring, d.ID), append(st.expires, expiresOf(entries))
	}
	for _, e := range entries.Ordered {
		st.ordered = append(st.ordered, entry{bucket: st.Key.Bucket, Entry: e, collection: st.Key.ID, id: d.ID})
	}
	st.texts = append(st.texts, textEntries(place{st.Key, d.ID}, entries.Texts, false)...)
	for _, e := range entries.Unique {
		st.unique = append(st.unique, entry{bucket: bucketOfKey(e), Entry: e, collection: st.Key.ID, id: d.ID})
	}
	return nil
}

// write adds the entries. Where it finds a unique key with another document, it leaves the failure.
func (st *step) write(ctx context.Context) error {
	for _, list := range [][]entry{st.ordered, st.unique} {
		slices.SortFunc(list, compareRows)
	}
	for _, chunk := range chunksOf(st.ordered) {
		c := columnsOf(chunk)
		if err := st.queries.AddEntries(ctx, sqlcgen.AddEntriesParams{Buckets: c.bucket, Indexes: c.index, Keys: c.key, Ids: c.id}); err != nil {
			return err
		}
	}
	if len(st.expiring) > 0 {
		if err := st.queries.SetExpiries(ctx, sqlcgen.SetExpiriesParams{Bucket: st.Key.Bucket, CollectionID: st.Key.ID, Ids: st.expiring, Expires: st.expires}); err != nil {
			return err
		}
	}
	for _, chunk := range textChunks(st.texts) {
		if err := st.queries.WriteTexts(ctx, writeTexts(chunk)); err != nil {
			return err
		}
	}
	var found []index.Duplicate
	for _, chunk := range chunksOf(st.unique) {
		c := columnsOf(chunk)
		err := st.queries.AddUniqueEntries(ctx, sqlcgen.AddUniqueEntriesParams{Buckets: c.bucket, Indexes: c.index, Keys: c.key, Collections: c.collection, Ids: c.id})
		if err != nil {
			return err
		}
		holders, err := st.queries.ListUniqueHolders(ctx, sqlcgen.ListUniqueHoldersParams{Buckets: c.bucket, Indexes: c.index, Keys: c.key})
		if err != nil {
			return err
		}
		for i, holder := range holders {
			switch holder.ID {
			case c.id[i]:
			case "":
				return errOvertaken // whoever had the key has given it up
			default:
				found = append(found, index.Duplicate{ID: c.id[i], Other: holder.ID})
			}
		}
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b index.Duplicate) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Other, b.Other)) })
		st.failure = index.Duplicated(found)
	}
	return nil
}
