package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Pages of docs declare collections in blocks of "json collection", and say in the table behind each what comes of documents that are sent to it one after the
// other: | body | outcome | are creates, | request | body | outcome | are requests for one document.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"rules.md", "mongoose-joi.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("../../docs", page))
			if err != nil {
				t.Fatal(err)
			}
			a, tried := inMemory(t), 0
			var inTable bool
			for number, line := range strings.Split(configured.ReplaceAllStringFunc(string(text), onOneLine), "\n") {
				switch config, isConfig := strings.CutPrefix(line, "```json collection "); {
				case isConfig:
					if got := a.send(t, "PUT /v1/collections/example", strings.TrimSuffix(config, "```")); got.status >= http.StatusBadRequest {
						t.Fatalf("%s: %s", line, got.body)
					}
				case strings.HasPrefix(line, "#"): // what is declared under another heading is another collection
					a.send(t, "DELETE /v1/collections/example?force=true", "")
				case line == "| body | outcome |", line == "| request | body | outcome |":
					inTable = true
				case !strings.HasPrefix(line, "|"):
					inTable = false
				case inTable && !strings.HasPrefix(line, "| ---"):
					a.tryRow(t, fmt.Sprintf("%s, row %d", page, number), strings.Split(strings.Trim(line, "| "), " | "))
					tried++
				}
			}
			if tried < 10 {
				t.Errorf("tried %d rows", tried)
			}
		})
	}
}

// configured are the blocks that declare collections.
var configured = regexp.MustCompile("(?s)```json collection\n.*?\n```")

func onOneLine(block string) string { return strings.ReplaceAll(block, "\n", " ") }

var quoted = regexp.MustCompile("`([^`]*)`")

// tryRow sends what a row says, and wants what it says. Cells are a body and an outcome, with a request before them.
func (a *api) tryRow(t *testing.T, row string, cells []string) {
	t.Helper()
	line := "POST /v1/collections/example/documents"
	if len(cells) == 3 {
		method, query, _ := strings.Cut(strings.TrimSpace(cells[0]), " ")
		line = method + " /v1/collections/example/documents/x" + query
		cells = cells[1:]
	}
	if len(cells) != 2 {
		t.Fatalf("%s has %q", row, cells)
	}
	body := ""
	if m := quoted.FindStringSubmatch(cells[0]); m != nil {
		body = m[1]
	}
	got := a.send(t, line, body)
	var said struct {
		Data             any
		Warnings, Errors []struct{ Pointer, Code string }
	}
	if err := json.Unmarshal(got.body, &said); err != nil {
		t.Fatal(err)
	}
	wanted, warned, _ := strings.Cut(cells[1], "warned: ")
	wantList := func(text string, list []struct{ Pointer, Code string }) {
		t.Helper()
		var want, told []string
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			want = append(want, m[1])
		}
		for _, v := range list {
			told = append(told, strings.TrimSpace(v.Pointer+" "+v.Code))
		}
		slices.Sort(told)
		slices.Sort(want)
		if !slices.Equal(told, want) {
			t.Errorf("%s: %s %s: %q, want %q: %s", row, line, body, told, want, got.body)
		}
	}
	for word, status := range map[string]int{"refused: ": http.StatusUnprocessableEntity, "taken: ": http.StatusConflict} {
		if list, is := strings.CutPrefix(wanted, word); is {
			wantStatus(t, got, status)
			wantList(list, said.Errors)
			return
		}
	}
	if got.status >= http.StatusBadRequest || !strings.HasPrefix(wanted, "stored") {
		t.Errorf("%s: %s %s: %s, want %s", row, line, body, got.body, wanted)
	}
	wantList(warned, said.Warnings)
	if m := quoted.FindStringSubmatch(wanted); m != nil {
		var want any
		if err := json.Unmarshal([]byte(m[1]), &want); err != nil {
			t.Fatalf("%s: %s: %v", row, m[1], err)
		}
		if !reflect.DeepEqual(said.Data, want) {
			t.Errorf("%s: %s %s: %s, want %s", row, line, body, got.body, m[1])
		}
	}
}
