package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
)

// declaration is the collection that is measured: validated, closed, with formats and money, and two indexes.
const declaration = `{"unknownFields":"reject","indexes":[{"name":"by_status","on":["doc.status","doc.number desc"]},{"name":"by_number","on":["doc.number"]}],"schema":{"type":"object","required":["number","status","customer","lines","total"],"properties":{
"number":{"type":"integer","minimum":0},"status":{"enum":["new","paid","shipped","done"]},"placedAt":{"type":"string","format":"date-time"},
"customer":{"type":"object","required":["name","email"],"properties":{"name":{"type":"string","minLength":1},"email":{"type":"string","format":"email"},"city":{"type":"string"}}},
"lines":{"type":"array","minItems":1,"items":{"type":"object","required":["sku","quantity","price"],"properties":{"sku":{"type":"string","pattern":"^[A-Z]{2}-[0-9]{4}$"},"quantity":{"type":"integer","minimum":1},"price":{"type":"number","minimum":0,"multipleOf":0.01}}}},
"note":{"type":"string"},"total":{"type":"number","minimum":0,"multipleOf":0.01}}}}`

// statuses are those of documents by their numbers, over and over.
var statuses = [...]string{"new", "paid", "shipped", "done"}

// sampleNote is what makes a document as long as it is.
var sampleNote = strings.Repeat("lorem ipsum ", 16)

// sample returns the document with a number: about 600 B that the declaration admits.
func sample(n int) []byte {
	return fmt.Appendf(make([]byte, 0, 640), `{"number":%d,"status":%q,"placedAt":"2026-11-%02dT10:%02d:00Z","customer":{"name":"Customer %d","email":"customer%d@example.org","city":"London"},`+
		`"lines":[{"sku":"AB-%04d","quantity":%d,"price":12.50},{"sku":"CD-%04d","quantity":1,"price":0.99},{"sku":"EF-%04d","quantity":3,"price":199.95}],`+
		`"note":%q,"total":%d.%02d}`,
		n, statuses[n%len(statuses)], n%28+1, n%60, n, n, n%10000, n%9+1, n%10000, n%10000, sampleNote, n%1000, n%100)
}

// patched is what a patch makes of the note; the rest of the document stays that of its number.
const patched = "patched "

// patch returns a merge patch that changes a note and a total.
func patch(n int) []byte {
	return fmt.Appendf(nil, `{"note":"%s%d","total":%d.%02d}`, patched, n, n%1000, n%100)
}

func documentID(n int) string { return fmt.Sprintf("document-%08d", n) }

// lines returns documents as an import of envelopes.
func lines(from, n int) []byte {
	var b bytes.Buffer
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, `{"id":%q,"data":%s}`+"\n", documentID(i), sample(i))
	}
	return b.Bytes()
}

// another returns a number for the document i of n: one that tells which document has it, because it leaves i when divided by n.
func another(i, n int) int { return i + n*(1+rand.IntN(10_000)) }

// found is a document as answers have it.
type found struct {
	ID       string
	Revision int
	Data     json.RawMessage
}

// number returns the number of a document, when it is all that a document with that number is, patched or not.
func (f found) number() (int, error) {
	var data struct {
		Number int
		Note   string
	}
	if err := json.Unmarshal(f.Data, &data); err != nil {
		return 0, fmt.Errorf("document %q: %w", f.ID, err)
	}
	if f.Revision < 1 {
		return 0, fmt.Errorf("document %q has no revision", f.ID)
	}
	var loose []string
	if strings.HasPrefix(data.Note, patched) {
		loose = []string{"note", "total"}
	}
	if !equal(f.Data, sample(data.Number), loose...) {
		return 0, fmt.Errorf("document %q is not that with number %d: %s", f.ID, data.Number, f.Data)
	}
	return data.Number, nil
}

// equal compares two objects by meaning, numbers as they are written, but for the members named.
func equal(a, b []byte, but ...string) bool {
	var objects [2]map[string]any
	for i, text := range [][]byte{a, b} {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&objects[i]); err != nil {
			return false
		}
		for _, name := range but {
			delete(objects[i], name)
		}
	}
	return reflect.DeepEqual(objects[0], objects[1])
}

// isDocument checks that an answer is the document that the question is about, of n that were numbered so.
func isDocument(n int) check {
	return func(q question, a answer) error {
		var f found
		if err := json.Unmarshal(a.body, &f); err != nil {
			return err
		}
		number, err := f.number()
		if err == nil && (f.ID != documentID(q.about) || number%n != q.about) {
			err = fmt.Errorf("asked for document %d, got %q with number %d", q.about, f.ID, number)
		}
		return err
	}
}

// isNumber checks that an answer is a document with the number that the question is about, whatever its id.
func isNumber(q question, a answer) error {
	var f found
	if err := json.Unmarshal(a.body, &f); err != nil {
		return err
	}
	number, err := f.number()
	if err == nil && (f.ID == "" || number != q.about) {
		err = fmt.Errorf("sent number %d, got %q with number %d", q.about, f.ID, number)
	}
	return err
}

// isPage checks that an answer is a page of so many documents as they were filled in. The numbers begin with that which first finds for a question, and go on by step.
func isPage(size, step int, first func(about int) int) check {
	return func(q question, a answer) error {
		var page struct{ Items []found }
		if err := json.Unmarshal(a.body, &page); err != nil {
			return err
		}
		if len(page.Items) != size {
			return fmt.Errorf("%d documents on a page of %d", len(page.Items), size)
		}
		for i, f := range page.Items {
			want := first(q.about) + i*step
			if number, err := f.number(); err != nil {
				return err
			} else if number != want || f.ID != documentID(want) {
				return fmt.Errorf("document %d on the page is %q with number %d, want %d", i, f.ID, number, want)
			}
		}
		return nil
	}
}

// isAnything checks that there is a body: of what answers the same whatever is asked.
func isAnything(_ question, a answer) error {
	if !json.Valid(a.body) {
		return errors.New("the answer is no JSON")
	}
	return nil
}
