package expression_test

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// filters are the questions that users ask of the shared data, as filters. Those named page ask only which documents there are.
var filters = map[string]string{
	"artworks-01": `doc.contributors.exists(c, c.fc == "William Blake" && c.role == "artist")`,
	"artworks-02": `doc.acquisitionYear >= 1970 && doc.acquisitionYear <= 1979`,
	"artworks-03": `!has(doc.acquisitionYear)`,
	"artworks-04": `doc.foreignTitle != null && doc.classification == "sculpture"`,
	"artworks-05": `doc.classification == null`,
	"artworks-06": `doc.title.lowerAscii().contains("self-portrait")`,
	"artworks-07": `doc.height.matches("^[0-9]+$") && int(doc.height) > 3000`,
	"artworks-08": `doc.contributors.exists(c, c.gender == "Female") && doc.classification == "painting"`,
	"artworks-09": `size(doc.contributors) > 1`,
	"artworks-10": `has(doc.movements) && doc.movements.exists(m, m.name == "Pop Art")`,
	"artworks-11": `doc.subjects.children.exists(s, s.name == "nature") && doc.dateRange.startYear < 1700`,
	"artworks-12": `doc.dateRange.startYear >= ""`,
	"artworks-13": `size(doc.catalogueGroup) == 0 && doc.inscription != null`,
	"artworks-15": `doc.medium.startsWith("Oil paint on canvas") && has(doc.acquisitionYear)`,

	"earthquakes-01": `doc.properties.mag >= 5`,
	"earthquakes-02": `true`,
	"earthquakes-03": `doc.properties.felt != null`,
	"earthquakes-04": `doc.properties.felt > 100`,
	"earthquakes-05": `doc.geometry.coordinates[0] >= -122 && doc.geometry.coordinates[0] <= -116 && doc.geometry.coordinates[1] >= 32 && doc.geometry.coordinates[1] <= 36`,
	"earthquakes-06": `doc.properties.type in ["quarry blast", "explosion"]`,
	"earthquakes-07": `doc.properties.place.endsWith("Alaska") && doc.geometry.coordinates[2] > 100`,
	"earthquakes-08": `doc.properties.time >= 1517702400000 && doc.properties.time < 1517788800000`,
	"earthquakes-09": `doc.properties.mag < 0`,
	"earthquakes-10": `doc.properties.place.lowerAscii().contains("california") || doc.properties.place.endsWith(", CA")`,
	"earthquakes-12": `doc.properties.status == "reviewed"`,

	"mongo-export-01": `doc.class_id == 2 && doc.scores.exists(s, s.type == "homework" && s.score < 10)`,
	"mongo-export-02": `doc._id == "50b59cd75bed76f46522c34e"`,
	"mongo-export-03": `doc.student_id == 0`,
	"mongo-export-04": `doc.scores.all(s, s.score > 70)`,
	"mongo-export-05": `doc.name.startsWith("A")`,
	"mongo-export-06": `doc.type == "phone" || "case" in doc.type`,
	"mongo-export-07": `doc.for == "ac3" || "ac3" in doc.for`,
	"mongo-export-08": `doc.limits.sms.n == "unlimited"`,
	"mongo-export-09": `doc.millis > 50`,
	"mongo-export-10": `has(doc.query["$snapshot"])`,
	"mongo-export-11": `doc.ts >= "2012-11-20T20:11:00.000Z" && doc.ns.endsWith(".students")`,
	"mongo-export-13": `doc.orderNo == 9000000000000123`,

	"music-store-01": `doc.address.country == "Brazil"`,
	"music-store-02": `!has(doc.company)`,
	"music-store-03": `doc.address.state == null`,
	"music-store-04": `doc.name.first == "Luís"`,
	"music-store-05": `doc.total > 15`,
	"music-store-06": `doc.total == 13.86`,
	"music-store-07": `doc.lines.exists(l, l.trackId == 8)`,
	"music-store-08": `doc.lines.all(l, l.unitPrice > 1)`,
	"music-store-09": `size(doc.lines) >= 14 && doc.orderedAt >= "2023-01-01T00:00:00Z" && doc.orderedAt < "2024-01-01T00:00:00Z"`,
	"music-store-12": `true`,
	"music-store-13": `doc.genre == "Classical" && !has(doc.composer)`,
	"music-store-14": `doc.artist.name == "Antônio Carlos Jobim"`,
	"music-store-15": `doc.name.contains("\"")`,
	"music-store-16": `doc.milliseconds > 3600000`,
}

type dataset struct {
	Collections map[string]struct{ File, Schema, ID string }
	Queries     []struct {
		ID, Collection, Kind, Question string
		Answer                         json.RawMessage
	}
}

func TestFilter_QuestionsOfUsers(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"artworks", "earthquakes", "mongo-export", "music-store"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			var set dataset
			if err := json.Unmarshal(read(t, shared(t, folder, "queries.json")), &set); err != nil {
				t.Fatal(err)
			}
			for name, c := range set.Collections {
				conn := connect(t, pgtest.CacheStatement)
				text := read(t, shared(t, folder, c.File))
				store(t, conn, lines(t, text))
				rows := rowsOf(t, conn)
				tree, err := jsontext.Decode(read(t, shared(t, folder, c.Schema)))
				if err != nil {
					t.Fatal(err)
				}
				env := query.FilterEnv(query.SchemaType(tree, false))
				for _, q := range set.Queries {
					if q.Collection != name || q.Kind != "match" && q.Kind != "page" {
						continue
					}
					source, ok := filters[q.ID]
					if !ok {
						t.Errorf("%s has no filter: %s", q.ID, q.Question)
						continue
					}
					e := mustCompile(t, source, env)
					var ids []string
					for i, sql := range bySQL(t, conn, e) {
						if got := byGo(e, rows[i]); got != sql {
							t.Errorf("%s: %v: Go says %c, SQL says %c", q.ID, rows[i]["id"], got, sql)
						}
						if e.Match(rows[i]) {
							id, _ := jsontext.Lookup(rows[i]["doc"], c.ID)
							ids = append(ids, textOf(id))
						}
					}
					wantAnswer(t, q.ID, q.Kind, q.Answer, ids)
				}
			}
		})
	}
}

// wantAnswer compares ids, of a page only their number.
func wantAnswer(t *testing.T, name, kind string, raw json.RawMessage, ids []string) {
	t.Helper()
	var want struct {
		Count  int
		Total  *int `json:"total_matching"`
		IDs    []json.RawMessage
		Digest string `json:"ids_sha256"`
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if kind == "page" {
		if want.Total != nil && len(ids) != *want.Total {
			t.Errorf("%s: %d documents, want %d", name, len(ids), *want.Total)
		}
		return
	}
	slices.Sort(ids)
	if len(ids) != want.Count {
		t.Errorf("%s: %d documents, want %d", name, len(ids), want.Count)
		return
	}
	if want.Digest != "" {
		sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
		if got := hex.EncodeToString(sum[:]); got != want.Digest {
			t.Errorf("%s: other documents than the answer's", name)
		}
		return
	}
	var wanted []string
	for _, id := range want.IDs {
		wanted = append(wanted, strings.Trim(string(id), `"`))
	}
	slices.Sort(wanted)
	if !slices.Equal(ids, wanted) {
		t.Errorf("%s: %q, want %q", name, ids, wanted)
	}
}

func textOf(id any) string {
	if n, ok := id.(json.Number); ok {
		return n.String()
	}
	return id.(string)
}

// shared returns a path in the folder of shared test data: SHEAF_SHARED, or ../shared beside the repository.
func shared(tb testing.TB, parts ...string) string {
	tb.Helper()
	folder := os.Getenv("SHEAF_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{folder, "data"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("no shared test data at %s", path)
		}
		tb.Skipf("no shared test data at %s; SHEAF_SHARED names their folder", path)
	}
	return path
}

// read returns a file, unpacked where its name says so.
func read(tb testing.TB, path string) []byte {
	tb.Helper()
	file, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var reader io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if reader, err = gzip.NewReader(file); err != nil {
			tb.Fatal(err)
		}
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// lines returns the documents of NDJSON in canonical form.
func lines(tb testing.TB, text []byte) []string {
	tb.Helper()
	var list []string
	scanner := bufio.NewScanner(strings.NewReader(string(text)))
	scanner.Buffer(nil, 8<<20)
	for scanner.Scan() {
		if len(scanner.Bytes()) == 0 {
			continue
		}
		canonical, err := jsontext.Canonical(nil, scanner.Bytes(), jsontext.Limits{})
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, string(canonical))
	}
	return list
}
