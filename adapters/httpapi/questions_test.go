package httpapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// question is one of those that the shared data ask, with the right answer.
type question struct {
	ID, Collection, Kind, Expr string
	Sort                       []struct{ Path, Dir string }
	Limit, Offset              int
	Answer                     answer
}

// answer are the documents that a question is about.
type answer struct {
	Count         int
	Ordered       bool
	IDs           []any  `json:"ids"`
	Digest        string `json:"ids_sha256"`
	TotalMatching *int   `json:"total_matching"`
}

// questions are those of one kind about a set.
func questions(t *testing.T, s set, kinds ...string) (list []question) {
	t.Helper()
	var all struct{ Queries []json.RawMessage }
	if err := json.Unmarshal(mustRead(t, filepath.Join(s.folder, "queries.json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, text := range all.Queries {
		var about struct{ Collection, Kind string }
		if err := json.Unmarshal(text, &about); err != nil {
			t.Fatal(err)
		}
		if about.Collection != s.name || !slices.Contains(kinds, about.Kind) {
			continue // each kind has answers of its own
		}
		var q question
		if err := json.Unmarshal(text, &q); err != nil {
			t.Fatal(err)
		}
		list = append(list, q)
	}
	return list
}

// spelled are expressions that the shared data write in another way than ours.
var spelled = map[string]string{
	`type == 'phone' || (type(type) == list && 'case' in type)`: `doc.type == "phone" || "case" in doc.type`,
	`for == 'ac3' || 'ac3' in for`:                              `doc["for"] == "ac3" || "ac3" in doc["for"]`,
	`type(dateRange.startYear) == string`:                       `doc.dateRange.startYear >= ""`,
	`true`:                                                      ``,
}

// member is a name that begins a path: at the beginning, or behind what cannot end an operand.
var member = regexp.MustCompile(`'[^']*'|"[^"]*"|[A-Za-z_][A-Za-z0-9_]*`)

// functions and constants are names that are no members.
var notMembers = []string{"true", "false", "null", "in", "has", "size", "int", "double", "timestamp", "duration"}

// filter writes an expression about members as one about doc.
func (q question) filter() string {
	if ours, ok := spelled[q.Expr]; ok {
		return ours
	}
	bound := map[string]bool{}
	for _, m := range regexp.MustCompile(`\.(?:exists|all|exists_one)\((\w+),`).FindAllStringSubmatch(q.Expr, -1) {
		bound[m[1]] = true
	}
	var b strings.Builder
	last := 0
	for _, at := range member.FindAllStringIndex(q.Expr, -1) {
		word := q.Expr[at[0]:at[1]]
		b.WriteString(q.Expr[last:at[0]])
		last = at[1]
		first := word[0]
		if first != '\'' && first != '"' && !bound[word] && !slices.Contains(notMembers, word) && (at[0] == 0 || q.Expr[at[0]-1] != '.' && (q.Expr[at[0]-1] < '0' || q.Expr[at[0]-1] > '9')) {
			b.WriteString("doc.")
		}
		b.WriteString(word)
	}
	b.WriteString(q.Expr[last:])
	return b.String()
}

// order writes the terms of a sort.
func (q question) order() string {
	terms := make([]string, len(q.Sort))
	for i, s := range q.Sort {
		terms[i] = "doc." + strings.ReplaceAll(strings.TrimPrefix(s.Path, "/"), "/", ".")
		if s.Dir == "desc" {
			terms[i] += " desc"
		}
	}
	return strings.Join(terms, ",")
}

// collect walks a list to a number of documents, and returns their ids.
func (a *api) collect(t *testing.T, path string, query url.Values, size, most int) []string {
	t.Helper()
	var ids []string
	query.Set("pageSize", fmt.Sprint(size))
	query.Del("pageToken")
	for {
		var page struct {
			Items         []struct{ ID string }
			NextPageToken string
		}
		got := wantStatus(t, a.send(t, "GET "+path+"/documents?"+query.Encode(), ""), http.StatusOK)
		if err := json.Unmarshal(got.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.NextPageToken == "" || len(ids) >= most {
			return ids[:min(len(ids), most)]
		}
		query.Set("pageToken", page.NextPageToken)
	}
}

// want compares ids with an answer.
func (q question) want(t *testing.T, ids []string) {
	t.Helper()
	if len(ids) != q.Answer.Count {
		t.Errorf("%s %q: %d documents, want %d", q.ID, q.filter(), len(ids), q.Answer.Count)
		return
	}
	if !q.Answer.Ordered {
		ids = slices.Sorted(slices.Values(ids))
	}
	if q.Answer.Digest != "" {
		digest := sha256.Sum256([]byte(strings.Join(ids, "\n")))
		if got := hex.EncodeToString(digest[:]); got != q.Answer.Digest {
			t.Errorf("%s %q: other documents", q.ID, q.filter())
		}
		return
	}
	for i, id := range q.Answer.IDs {
		if fmt.Sprint(id) != ids[i] {
			t.Errorf("%s %q: at %d %s, want %v", q.ID, q.filter(), i, ids[i], id)
			return
		}
	}
}

// indexesFor are indexes that the questions about a set can use.
var indexesFor = map[string]string{
	"earthquakes": `[{"name":"by_mag","on":["doc.properties.mag desc","doc.id"]},{"name":"by_felt","on":["doc.properties.felt"]},{"name":"by_type","on":["doc.properties.type"]},{"name":"by_time","on":["doc.properties.time"]},{"name":"by_status","on":["doc.properties.status","doc.properties.time desc","doc.id"]}]`,
	"customers":   `[{"name":"by_country","on":["doc.address.country"]},{"name":"by_state","on":["doc.address.state"]},{"name":"by_first","on":["doc.name.first"],"caseInsensitive":true}]`,
	"orders":      `[{"name":"by_total","on":["doc.total desc","doc.orderId"]},{"name":"by_track","on":["doc.lines[].trackId"]},{"name":"by_day","on":["doc.orderedAt"]}]`,
	"tracks":      `[{"name":"by_genre","on":["doc.genre"]},{"name":"by_artist","on":["doc.artist.name"]},{"name":"long","on":["doc.milliseconds"],"where":"doc.milliseconds > 3600000"}]`,
	"grades":      `[{"name":"by_class","on":["doc.class_id"]},{"name":"by_id","on":["doc._id"],"unique":true},{"name":"by_student","on":["doc.student_id","doc.class_id","doc._id"]}]`,
	"students":    `[{"name":"by_name","on":["doc.name"]}]`,
	"catalog":     `[{"name":"by_messages","on":["doc.limits.sms.n"]}]`,
	"profiler":    `[{"name":"by_ts","on":["doc.ts"]},{"name":"by_millis","on":["doc.millis"]}]`,
	"sales":       `[{"name":"by_order","on":["doc.orderNo"]}]`,
	"artworks":    `[{"name":"by_year","on":["doc.acquisitionYear","doc.acno"]},{"name":"by_artist","on":["doc.contributors[].fc"]},{"name":"by_class","on":["doc.classification"]}]`,
}

// Every question about the shared data has its right answer, with indexes and without, on pages of any size.
func TestSharedData_Questions(t *testing.T) {
	t.Parallel()
	for _, s := range sets(t) {
		for _, indexed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/indexed=%v", s.name, indexed), func(t *testing.T) {
				t.Parallel()
				if testing.Short() && s.Count > 1000 {
					t.Skip("large")
				}
				a := onPostgres(t)
				definition := s.definition(t)
				if indexed {
					definition = strings.TrimSuffix(definition, "}") + `,"indexes":` + indexesFor[s.name] + "}"
				}
				a.declare(t, s.name, definition)
				a.load(t, s, "")
				used, all := false, s.documents(t)
				for _, q := range questions(t, s, "match", "page") {
					used = a.answer(t, s, q) || used
					a.answerWhole(t, s, q, all)
				}
				if used != indexed {
					t.Errorf("an index was used: %v, want %v", used, indexed)
				}
			})
		}
	}
}

// answerWhole asks a question by POST for whole documents, which have to be those of the set.
func (a *api) answerWhole(t *testing.T, s set, q question, all map[string]any) {
	t.Helper()
	const most = 1000
	if q.Offset+q.Answer.Count > most {
		return // one page is enough of it
	}
	asked, err := json.Marshal(map[string]any{"filter": q.filter(), "orderBy": q.order(), "pageSize": min(q.Offset+q.Answer.Count+1, most)})
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Items []struct {
			ID   string
			Data json.RawMessage
		}
	}
	if err := json.Unmarshal(wantStatus(t, a.send(t, "POST "+s.path()+"/query", string(asked)), http.StatusOK).body, &page); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, item := range page.Items[min(q.Offset, len(page.Items)):] {
		if len(ids) == q.Answer.Count && q.Kind == "page" {
			break
		}
		ids = append(ids, item.ID)
		if !jsontext.Equal(decode(t, item.Data), all[item.ID]) {
			t.Errorf("%s %q: document %s is another than was stored", q.ID, q.filter(), item.ID)
		}
	}
	q.want(t, ids)
}

// answer asks a question with several sizes of pages, and says whether an index was used.
func (a *api) answer(t *testing.T, s set, q question) bool {
	t.Helper()
	query := url.Values{"fields": {"id"}}
	if filter := q.filter(); filter != "" {
		query.Set("filter", filter)
	}
	if order := q.order(); order != "" {
		query.Set("orderBy", order)
	}
	most := 1 << 30
	if q.Kind == "page" {
		most = q.Offset + q.Limit
	}
	for _, size := range []int{1, 7, 1000} {
		if size == 1 && q.Answer.Count > 60 {
			continue // a request for each document is what the smaller questions show
		}
		ids := a.collect(t, s.path(), query, size, most)
		q.want(t, ids[min(q.Offset, len(ids)):])
	}
	query.Del("pageToken")
	query.Set("count", "exact")
	query.Set("explain", "true")
	query.Set("pageSize", "1")
	var page struct {
		Count   struct{ Value int }
		Explain struct{ Reads string }
	}
	if err := json.Unmarshal(wantStatus(t, a.send(t, "GET "+s.path()+"/documents?"+query.Encode(), ""), http.StatusOK).body, &page); err != nil {
		t.Fatal(err)
	}
	total := q.Answer.Count
	if q.Answer.TotalMatching != nil {
		total = *q.Answer.TotalMatching
	}
	if page.Count.Value != total {
		t.Errorf("%s %q: counted %d, want %d", q.ID, q.filter(), page.Count.Value, total)
	}
	return page.Explain.Reads == "index"
}
