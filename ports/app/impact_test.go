package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// rehearse says what a configuration would mean.
func (d depot) rehearse(configuration string) app.Written {
	d.Helper()
	held, before := d.held(), d.mustGet()
	written, err := d.collections.Put(d.Context(), clerk, app.WriteCollection{Name: d.goods, Body: []byte(configuration), ValidateOnly: true})
	if err != nil {
		d.Fatal(err)
	}
	d.want(held)
	if now := d.mustGet(); now.Revision != before.Revision || string(now.Configuration) != string(before.Configuration) {
		d.Errorf("a rehearsal has changed the configuration: %+v", now)
	}
	return written
}

func (d depot) mustGet() collection.Stored {
	d.Helper()
	c, err := d.collections.Get(d.Context(), clerk, d.goods)
	if err != nil {
		d.Fatal(err)
	}
	return c
}

func TestCollections_Impact(t *testing.T) {
	onDepots(t, app.Limits{Impact: time.Minute}, func(d depot) {
		d.declare(`{"schema": {"properties": {"n": {"type": "integer"}}}}`)
		d.fill(1203)
		i := d.rehearse(`{"schema": {"properties": {"n": {"type": "integer"}}}, "description": "x"}`).Impact
		if i.Effect != collection.Compatible || len(i.Consequences) != 0 || !i.Documents.Exact() || i.Documents.Judged != 1203 || i.Documents.Failing != 0 {
			d.Errorf("got %+v", i)
		}
		// Some would fail, whatever the enforcement lets pass.
		for _, enforcement := range []string{"enforce", "report", "ratchet"} {
			w := d.rehearse(`{"schema": {"properties": {"n": {"type": "integer", "maximum": 999}}}, "rules": [{"code": "no-seven", "rule": "doc.n != 7", "path": "doc.n"}], "enforcement": "` + enforcement + `"}`)
			i := w.Impact
			if i.Effect != collection.AffectsWrites || i.Documents.Judged != 1203 || i.Documents.Failing != 204 || i.Documents.Total.Value != 1203 || len(i.Documents.Failures) != 20 {
				d.Errorf("%s: got %+v", enforcement, i)
			}
			f := i.Documents.Failures[0]
			if f.ID.String() != "00007" || f.Violations[0].Code != "no-seven" || f.Violations[0].Pointer != "/n" {
				d.Errorf("%s: got %+v", enforcement, f)
			}
			if w.Collection.Revision != 2 {
				d.Errorf("revision %d", w.Collection.Revision)
			}
		}
	})
}

func TestCollections_ImpactOfIndexes(t *testing.T) {
	onDepots(t, app.Limits{Impact: time.Minute}, func(d depot) {
		d.declare(`{"indexes": [{"name": "by_m", "on": ["doc.m"]}, {"name": "by_o", "on": ["doc.o"]}]}`)
		for i := range 30 {
			d.put(fmt.Sprintf("%02d", i), fmt.Sprintf(`{"n": %d}`, i%28))
		}
		d.put("many", `{"n": "x", "tags": [`+strings.TrimSuffix(strings.Repeat("0,", 1), ",")+numbers(1, 1500)+`]}`)
		i := d.rehearse(`{"indexes": [{"name": "by_m", "on": ["doc.m"]}, {"name": "by_n", "on": ["doc.n"], "unique": true}, {"name": "by_tags", "on": ["doc.tags[]"]}]}`).Impact
		if i.Effect != collection.AffectsWrites || len(i.Indexes) != 3 || i.Indexes[0].Name != "by_o" || !i.Indexes[0].Dropped {
			d.Fatalf("got %+v", i)
		}
		unique := i.Indexes[1]
		if unique.Name != "by_n" || unique.Duplicates != 2 || unique.Examples[0] != (index.Duplicate{ID: "28", Other: "00"}) {
			d.Errorf("got %+v", unique)
		}
		// A document that an index cannot take is one that fails.
		if i.Documents.Failing != 1 || i.Documents.Failures[0].ID.String() != "many" {
			d.Errorf("got %+v", i.Documents)
		}
	})
}

func numbers(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		fmt.Fprintf(&b, ",%d", n)
	}
	return b.String()
}

// slow is a store that takes all the time there is for a page.
type slow struct {
	ports.Store
	pages int
}

func (s *slow) Find(ctx context.Context, key collection.Key, f ports.Find) (ports.Found, error) {
	if s.pages--; s.pages < 0 {
		<-ctx.Done()
		return ports.Found{}, ctx.Err()
	}
	return s.Store.Find(ctx, key, f)
}

// When time is over, what was seen from both ends is told, and that it is not all.
func TestCollections_ImpactSampled(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(2600)
		d.work(&slow{Store: d.store, pages: 2}, app.Limits{Impact: 50 * time.Millisecond})
		i := d.rehearse(`{"schema": {"properties": {"n": {"minimum": 10, "maximum": 2589}}}}`).Impact
		if i.Documents.Exact() || i.Documents.Judged > 1000 || i.Documents.Failing > i.Documents.Judged {
			d.Errorf("got %+v", i.Documents)
		}
		d.work(&slow{Store: d.store}, app.Limits{Impact: time.Millisecond})
		if i := d.rehearse(`{"schema": false}`).Impact; i.Documents.Exact() || i.Documents.Judged != 0 {
			d.Errorf("got %+v", i.Documents)
		}
	})
}

// A rehearsal tells the revision that the write would make, also under a name that was used before.
func TestCollections_RehearseOfUsedName(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{}`)
		d.declare(`{"description": "x"}`)
		if _, _, err := d.collections.Delete(d.Context(), clerk, app.DeleteCollection{Name: d.goods}); err != nil {
			d.Fatal(err)
		}
		configuration := []byte(`{"indexes": [{"name": "by_n", "on": ["doc.n"]}]}`)
		rehearsed, err := d.collections.Put(d.Context(), clerk, app.WriteCollection{Name: d.goods, Body: configuration, ValidateOnly: true})
		if err != nil {
			d.Fatal(err)
		}
		made, err := d.collections.Put(d.Context(), clerk, app.WriteCollection{Name: d.goods, Body: configuration})
		if err != nil {
			d.Fatal(err)
		}
		if rehearsed.Collection.Revision != made.Collection.Revision || rehearsed.Collection.Indexes[0].State != made.Collection.Indexes[0].State || rehearsed.Impact != nil {
			d.Errorf("rehearsed as %+v, made as %+v", rehearsed.Collection, made.Collection)
		}
	})
}
