package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
)

// access is how a plan reaches a table: by which index, and which columns of it the search names.
type access struct {
	index   string
	columns []string
}

var (
	byPlace    = access{"documents_pkey", []string{"bucket", "collection_id", "id"}}
	byPosition = access{"changes_pkey", []string{"bucket", "position"}}
	byRevision = access{"changes_by_document", []string{"bucket", "collection_id", "id"}}
	byHistory  = access{"changes_by_document", []string{"bucket", "collection_id", "id", "revision"}}
	byNumber   = access{"collections_pkey", []string{"collection_id"}}
	byName     = access{"collections_name", []string{"name"}}
	byBucket   = access{"buckets_pkey", []string{"bucket"}}
	ofOne      = access{"documents_pkey", []string{"bucket", "collection_id"}}
	byIndexes  = access{"collection_indexes_collection", []string{"collection_id"}}
	byIndex    = access{"collection_indexes_pkey", []string{"index_id"}}
	byEntry    = access{"index_entries_pkey", []string{"bucket", "index_id", "key", "id"}}
	dueOf      = access{"documents_expiry", []string{"bucket", "collection_id", "expires_at"}}
	refersTo   = access{"collection_indexes_refers", nil} // the column is an expression
	trimmedBy  = access{"trimmed_documents_pkey", []string{"bucket", "collection_id", "id"}}
	byUnique   = access{"unique_entries_pkey", []string{"bucket", "index_id", "key"}}
)

// Each hot statement uses whole keys, planned without its arguments on a database in which one collection has nearly everything: there the average
// that the planner reckons with is far from what a statement meets, and a plan that reads a prefix of a key takes a thousand times as long.
func TestPlans_Statements(t *testing.T) {
	t.Parallel()
	conn := skewed(t)
	seen := map[string]bool{}
	for _, test := range []struct {
		name, sql string
		want      []access
	}{
		{"GetDocument", sqlcgen.GetDocument, []access{byPlace}},
		{"GetDocuments", sqlcgen.GetDocuments, []access{byPlace}},
		{"ListDocuments", sqlcgen.ListDocuments, []access{byPlace}},
		{"CountDocumentsUpTo", sqlcgen.CountDocumentsUpTo, []access{ofOne}},
		{"HasDocuments", sqlcgen.HasDocuments, []access{ofOne}},
		{"ReadForWrite", sqlcgen.ReadForWrite, []access{byPlace, byRevision, byNumber}},
		{"PurgeTrimmedDocuments", sqlcgen.PurgeTrimmedDocuments, []access{{"trimmed_documents_pkey", []string{"bucket", "collection_id"}}}},
		{"DeleteTrims", sqlcgen.DeleteTrims, []access{{"trimmed_documents_pkey", []string{"bucket", "collection_id"}}, {"history_trims_pkey", []string{"collection_id"}}}},
		{"GetTrimmed", sqlcgen.GetTrimmed, []access{{"history_trims_pkey", []string{"collection_id"}}}},
		{"GetTrimmedDocument", sqlcgen.GetTrimmedDocument, []access{trimmedBy}},
		{"ListRetainingCollections", sqlcgen.ListRetainingCollections, []access{{"collections_history", []string{"name"}}}},
		{"ListReferrers", sqlcgen.ListReferrers, []access{byNumber, refersTo, byNumber, {"index_entries_pkey", []string{"bucket", "index_id", "key"}}}},
		{"ListReferringCollections", sqlcgen.ListReferringCollections, []access{refersTo, byNumber}},
		{"ListChanges", sqlcgen.ListChanges, []access{byPosition}},
		{"ListTouched", sqlcgen.ListTouched, []access{byBucket, byPosition}},
		{"ListRevisions", sqlcgen.ListRevisions, []access{byHistory}},
		{"GetRevision", sqlcgen.GetRevision, []access{byHistory}},
		{"GetFirstRevision", sqlcgen.GetFirstRevision, []access{{"collection_names_pkey", []string{"name"}}}},
		{"GetDocumentAsOf", sqlcgen.GetDocumentAsOf, []access{byHistory, byRevision, trimmedBy}},
		{"GetPosition", sqlcgen.GetPosition, []access{byBucket}},
		{"LockBucket", sqlcgen.LockBucket, []access{byBucket}},
		{"GetCollection", sqlcgen.GetCollection, []access{byName, byIndexes}},
		{"ListCollections", sqlcgen.ListCollections, []access{byName, byIndexes}},
		{"UpdateCollection", sqlcgen.UpdateCollection, []access{byNumber}},
		{"ListCollectionRevisions", sqlcgen.ListCollectionRevisions, []access{{"collection_revisions_pkey", []string{"collection_id", "revision"}}}},
		{"ListConfigurationChanges", sqlcgen.ListConfigurationChanges, []access{{"configuration_changes_pkey", []string{"position"}}}},
		{"ListDeletingCollections", sqlcgen.ListDeletingCollections, []access{{"collections_deleting", nil}, byIndexes}},
		{"ListIndexes", sqlcgen.ListIndexes, []access{byIndexes}},
		{"LockIndexes", sqlcgen.LockIndexes, []access{byIndexes}},
		{"ListUnfinishedIndexes", sqlcgen.ListUnfinishedIndexes, []access{{"collection_indexes_unfinished", nil}, byNumber}},
		{"ClaimBuild", sqlcgen.ClaimBuild, []access{{"collection_indexes_unfinished", []string{"index_id"}}}},
		{"AdvanceBuild", sqlcgen.AdvanceBuild, []access{byIndex}},
		{"ListDocumentsToIndex", sqlcgen.ListDocumentsToIndex, []access{byPlace}},
		{"FindKeys", sqlcgen.FindKeys, []access{byUnique}},
		{"ListUniqueHolders", sqlcgen.ListUniqueHolders, []access{byUnique}},
		{"PurgeIndexEntries", sqlcgen.PurgeIndexEntries, []access{{"index_entries_pkey", []string{"bucket", "index_id"}}}},
		{"PurgeTextEntries", sqlcgen.PurgeTextEntries, []access{{"text_entries_pkey", []string{"bucket", "index_id"}}}},
		{"PurgeDocuments", sqlcgen.PurgeDocuments, []access{ofOne}},
		{"ListDueCollections", sqlcgen.ListDueCollections, []access{{"collection_indexes_expiry", nil}, byNumber, dueOf}},
		{"ListDueDocuments", sqlcgen.ListDueDocuments, []access{dueOf}},
		{"PurgeExpiries", sqlcgen.PurgeExpiries, []access{{"documents_expiry", []string{"bucket", "collection_id"}}}},
		{"HoldsExpiries", sqlcgen.HoldsExpiries, []access{{"documents_expiry", []string{"bucket", "collection_id"}}}},
		{"ExpiresOtherwise", sqlcgen.ExpiresOtherwise, []access{{"collection_indexes_expiry", []string{"collection_id"}}}},
		{"PurgeChanges", sqlcgen.PurgeChanges, []access{{"changes_by_document", []string{"bucket", "collection_id"}}, byNumber}},
	} {
		wantAccess(t, test.name, explained(t, conn, test.sql), test.want)
		seen[test.name] = true
	}
	files, err := filepath.Glob("queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("queries: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range statementName.FindAllSubmatch(text, -1) {
			name := string(m[1])
			if seen[name] == slices.Contains(unplanned, name) {
				t.Errorf("%s: say either how it reaches its tables, or that it does not matter", name)
			}
		}
	}
}

var statementName = regexp.MustCompile(`(?m)^-- name: (\w+) :`)

// unplanned are the statements whose plans nobody waits for or depends on: they call functions, insert rows, are for the rows of one collection or of one receipt by its key, or run
// once in a while. See TestPlans_Functions for what the functions do.
var unplanned = strings.Fields(`
	AddEntries AddUniqueEntries AppendChanges CheckDocuments CommitWithoutWaiting EstimateDocuments SetExpiries TakePositions TrimHistory Write WriteDocuments WriteEntries WriteTexts WriteUnique WriteWithEntries
	AddOperationFailures AppendConfigurationChange InsertCollection InsertCollectionRevision InsertIndex InsertOperation InsertReceipt
	ContinueRevisions DeleteCollection DeleteCollectionIndexes DeleteCollectionRevisions DeleteIndex DropIndex EndOperation FindClaimable FinishPurge GetCollectionState GetHistory GetIndexState
	CheckReferrers CheckTargets GetOperation GetReceipt HoldsAnything HoldsEntries KeepRevisions ListIndexIDs ListOperationFailures ListOperations ListReversals LockDocuments LockDeletingCollection LockIndex LockOperation
	ReleaseReceipt RenewReceipt SetOperation SettleReceipts StepOperation TakeReceipt TakeTurn KeepPlace
	CountCollections CountDocuments PurgeOperations PurgeReceipts PurgeUniqueEntries
`)

// The statements inside the functions are judged by what they do: auto_explain tells their plans.
func TestPlans_Functions(t *testing.T) {
	t.Parallel()
	conn := skewed(t)
	if _, err := conn.Exec(t.Context(), `LOAD 'auto_explain'`); err != nil {
		t.Skipf("this server has no auto_explain: %v", err)
	}
	for _, sql := range []string{
		`SET auto_explain.log_min_duration = 0`, `SET auto_explain.log_nested_statements = on`, `SET auto_explain.log_format = json`, `SET client_min_messages = log`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	conn.heard = nil
	_, err := sqlcgen.New(conn).Write(t.Context(), sqlcgen.WriteParams{
		Buckets: []int32{1, 1, 1}, Collections: []int32{1, 1, 1}, Ids: []string{"new", "000001", "000002"}, Bases: []int64{0, 1, 1}, Revisions: []int64{1, 2, 2},
		SchemaRevisions: []int64{1, 1, 1}, Ops: []string{"c", "u", "d"}, Created: times(3), Ats: times(3), Expires: times(3), Datas: []string{"1", "2", "null"},
		LockOrder: []int32{2, 3}, Inserts: 1,
		GoneBuckets: []int32{1}, GoneIndexes: []int32{1}, GoneKeys: [][]byte{{1}}, GoneIds: []string{"x"}, EntryBuckets: []int32{1}, EntryIndexes: []int32{1}, EntryKeys: [][]byte{{1}}, EntryIds: []string{"x"},
		Ordinals: []int64{1, 2, 3}, Actors: []string{"", "", ""}, RequestIds: []string{"", "", ""},
		TakenBuckets: []int32{1}, TakenCounts: []int64{3}, CheckedCollections: []int32{1}, CheckedRevisions: []int64{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).WriteDocuments(t.Context(), sqlcgen.WriteDocumentsParams{
		Buckets: []int32{1, 1}, Collections: []int32{1, 1}, Ids: []string{"000003", "000004"}, Bases: []int64{1, 1}, Revisions: []int64{2, 2},
		SchemaRevisions: []int64{1, 1}, Ops: []string{"u", "d"}, Created: times(2), Ats: times(2), Expires: times(2), Datas: []string{"2", "null"}, LockOrder: []int32{1, 2},
	}); err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).LockDocuments(t.Context(), sqlcgen.LockDocumentsParams{
		LockedBuckets: []int32{1, 1}, LockedCollections: []int32{1, 1}, LockedIds: []string{"000006", "000007"}, LockedRemoved: []bool{true, false}, TargetNames: []string{"c1"}, TargetIds: []string{"000008"},
	}); err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).CheckTargets(t.Context(), sqlcgen.CheckTargetsParams{TargetNames: []string{"c1"}, TargetIds: []string{"000008"}, TargetAts: times(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `INSERT INTO collection_indexes (index_id, collection_id, name, spec, state) VALUES (30000, 2, 'r', '{"kind": "refers", "collection": "c1", "on": ["doc.a"]}', 'r')`); err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).CheckReferrers(t.Context(), sqlcgen.CheckReferrersParams{
		RemovedBuckets: []int32{1}, RemovedCollections: []int32{1}, RemovedIds: []string{"gone"}, RemovedExpired: []bool{false},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlcgen.New(conn).TrimHistory(t.Context(), sqlcgen.TrimHistoryParams{Bucket: 1, CollectionID: 1, Reason: "a", Keep: 1, Before: noon.AddDate(1, 0, 0), Batch: 10}); err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).SetExpiries(t.Context(), sqlcgen.SetExpiriesParams{Bucket: 1, CollectionID: 1, Ids: []string{"000005"}, Expires: times(1)}); err != nil {
		t.Fatal(err)
	}
	some := [][]byte{{1}}
	if err := sqlcgen.New(conn).WriteEntries(t.Context(), sqlcgen.WriteEntriesParams{
		GoneBuckets: []int32{1}, GoneIndexes: []int32{1}, GoneKeys: some, GoneIds: []string{"x"}, EntryBuckets: []int32{1}, EntryIndexes: []int32{1}, EntryKeys: some, EntryIds: []string{"x"},
	}); err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).WriteUnique(t.Context(), sqlcgen.WriteUniqueParams{
		UniqueBuckets: []int32{1, 1, 1}, UniqueIndexes: []int32{1, 1, 1}, UniqueKeys: [][]byte{{1}, {1}, {1}}, UniqueCollections: []int32{1, 1, 1}, UniqueIds: []string{"x", "x", "x"},
		UniqueGone: []bool{true, false, false},
	}); err != nil {
		t.Fatal(err)
	}
	one := []string{"x"}
	if err := sqlcgen.New(conn).WriteTexts(t.Context(), sqlcgen.WriteTextsParams{
		TextBuckets: []int32{1}, TextIndexes: []int32{1}, TextIds: one, TextGone: []bool{true}, Languages: one, A: one, B: one, C: one, D: one,
	}); err != nil {
		t.Fatal(err)
	}
	if err := sqlcgen.New(conn).CheckDocuments(t.Context(), sqlcgen.CheckDocumentsParams{
		Buckets: []int32{1}, Collections: []int32{1}, Ids: []string{"new"}, Revisions: []int64{1},
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]access{
		"UPDATE public.documents SET revision": {byPlace}, "UPDATE public.documents SET expires_at": {byPlace}, "DELETE FROM public.documents": {byPlace}, "SELECT revision FROM public.documents": {byPlace},
		"WHERE bucket = d.bucket AND collection_id = d.collection_id AND id = d.id FOR KEY SHARE": {byPlace}, "id = d.id FOR NO KEY UPDATE": {byPlace}, "id = d.id FOR UPDATE": {byPlace},
		"AND d.id = u.id AND CASE c.state": {byPlace}, "FROM public.index_entries AS e WHERE e.bucket = buckets[n]": {{"index_entries_pkey", []string{"bucket", "index_id", "key"}}},
		"SELECT array_agg(x.index_id)": {byNumber, refersTo, byNumber},
		"FROM public.changes AS x WHERE x.bucket = p_bucket AND x.position > t.position": {byPosition}, "DELETE FROM public.changes AS x": {byHistory},
		"UPDATE public.buckets": {byBucket}, "SELECT FROM public.collections WHERE collection_id": {byNumber},
		"DELETE FROM public.text_entries": {{"text_entries_pkey", []string{"bucket", "index_id", "id"}}}, "DELETE FROM public.index_entries": {byEntry}, "DELETE FROM public.unique_entries": {byUnique}, "SELECT id FROM public.unique_entries": {byUnique},
	} {
		found := false
		for _, text := range conn.heard {
			_, text, _ = strings.Cut(text, "plan:")
			var p struct {
				Query string `json:"Query Text"`
				Plan  node
			}
			if err := json.Unmarshal([]byte(text), &p); err != nil || !strings.Contains(strings.Join(strings.Fields(p.Query), " "), name) {
				continue
			}
			found = true
			wantAccess(t, name, p.Plan, want)
		}
		if !found {
			t.Errorf("%s: no plan was logged", name)
		}
	}
}

// node is what EXPLAIN says of a part of a plan.
type node struct {
	Type  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	Cond  string `json:"Index Cond"`
	Plans []node `json:"Plans"`
}

var column = regexp.MustCompile(`\("?([a-z_]+)"? (?:=|>|<)`)

// wantAccess checks that a plan scans no table, and that it reaches tables in the given ways and no other.
func wantAccess(t *testing.T, name string, plan node, want []access) {
	t.Helper()
	var got []string
	var walk func(node)
	walk = func(n node) {
		if n.Index != "" {
			a := access{index: n.Index}
			for _, m := range column.FindAllStringSubmatch(n.Cond, -1) {
				a.columns = append(a.columns, m[1])
			}
			got = append(got, fmt.Sprint(a))
		} else if strings.Contains(n.Type, "Scan") && n.Table != "" && n.Type != "Tid Scan" && n.Type != "Bitmap Heap Scan" {
			t.Errorf("%s: %s on %s", name, n.Type, n.Table)
		}
		for _, child := range n.Plans {
			walk(child)
		}
	}
	walk(plan)
	slices.Sort(got)
	var wanted []string
	for _, a := range want {
		wanted = append(wanted, fmt.Sprint(a))
	}
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("%s: reaches %v, want %v", name, got, wanted)
	}
}

// listening is a connection that remembers the server's notices.
type listening struct {
	*pgx.Conn
	heard []string
}

// skewed connects to a database in which one collection of two hundred has nearly all documents.
func skewed(t *testing.T) *listening {
	t.Helper()
	url := skewedSchema.Open(t)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.RuntimeParams["enable_seqscan"] = "off"
	l := &listening{}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { l.heard = append(l.heard, n.Message) }
	if l.Conn, err = pgx.ConnectConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) }) // the database goes anyway
	return l
}

var skewedSchema = pgtest.NewTemplate(func(ctx context.Context, url string) error {
	if err := postgres.Migrate(ctx, url); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `
		INSERT INTO collections (collection_id, bucket, name, revision, state, created_at, updated_at, configuration)
		SELECT n, n % 64, 'c' || n, 1, 'a', 'epoch', now(), '{}' FROM generate_series(1, 5000) AS n;
		INSERT INTO collection_revisions SELECT n % 100 + 1, n, now(), '', '', '{}' FROM generate_series(1, 20000) AS n;
		INSERT INTO configuration_changes SELECT n, 1, 'c1', n, 'u', now(), '', '' FROM generate_series(1, 20000) AS n;
		INSERT INTO documents (bucket, collection_id, id, revision, schema_revision, created_at, updated_at, data)
		SELECT c % 64, c, to_char(n, 'FM000000'), 1, 1, 'epoch', now(), '{"a": 1}'
		  FROM generate_series(1, 200) AS c, generate_series(1, CASE c WHEN 1 THEN 30000 ELSE 10 END) AS n;
		INSERT INTO collection_indexes (index_id, collection_id, name, spec, state) SELECT n, n % 5000 + 1, 'i' || n, '{}', 'r' FROM generate_series(1, 20000) AS n;
		INSERT INTO index_entries SELECT bucket, collection_id, convert_to(id, 'UTF8'), id FROM documents;
		INSERT INTO text_entries SELECT bucket, collection_id, id, 'a:1A' FROM documents;
		INSERT INTO unique_entries SELECT bucket, collection_id, convert_to(id, 'UTF8'), collection_id, id FROM documents;
		INSERT INTO changes SELECT bucket, row_number() OVER (PARTITION BY bucket), collection_id, id, 1, 'c', created_at, '', '', data FROM documents;
		UPDATE buckets SET position = (SELECT count(*) FROM changes WHERE changes.bucket = buckets.bucket)`)
	if err == nil {
		_, err = conn.Exec(ctx, `VACUUM ANALYZE`)
	}
	return errors.Join(err, conn.Close(ctx))
})

func times(n int) []time.Time { return slices.Repeat([]time.Time{noon}, n) }
