package main

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// known is one row of the table of settings.
type known struct {
	name     string // postgres.maxConns
	flag     string // postgres-max-conns
	env      string // SHEAF_POSTGRES_MAX_CONNS
	kind     reflect.Type
	fallback string // the default as text; "" is the zero value
	help     string
	oneof    []string
	min, max string // as text in the unit of kind; "" is no bound
	format   string
	index    []int // of the field in Settings, for reflection
}

// envPrefix begins the name of every environment variable that is ours.
const envPrefix = "SHEAF_"

// table lists every known setting in the order of the struct.
var table = knownSettings(reflect.TypeFor[Settings](), "", nil)

// groups are the names that only hold other settings, such as "http" and "http.cors".
var groups = groupsOf(table)

func knownSettings(t reflect.Type, prefix string, index []int) []known {
	var rows []known
	for field := range t.Fields() {
		name := prefix + field.Tag.Get("setting")
		at := append(append([]int(nil), index...), field.Index...)
		if field.Type.Kind() == reflect.Struct {
			rows = append(rows, knownSettings(field.Type, name+".", at)...)
			continue
		}
		row := known{
			name:     name,
			flag:     strings.Join(words(name), "-"),
			env:      envPrefix + strings.ToUpper(strings.Join(words(name), "_")),
			kind:     field.Type,
			fallback: field.Tag.Get("default"),
			help:     field.Tag.Get("help"),
			min:      field.Tag.Get("min"),
			max:      field.Tag.Get("max"),
			format:   field.Tag.Get("format"),
			index:    at,
		}
		if words := field.Tag.Get("oneof"); words != "" {
			row.oneof = strings.Split(words, ",")
		}
		rows = append(rows, row)
	}
	return rows
}

func groupsOf(rows []known) map[string]bool {
	found := map[string]bool{}
	for _, row := range rows {
		for name := row.name; ; {
			dot := strings.LastIndexByte(name, '.')
			if dot < 0 {
				break
			}
			name = name[:dot]
			found[name] = true
		}
	}
	return found
}

// words cuts a name at dots and before capitals: postgres.maxConns is postgres, max, conns.
func words(name string) []string {
	spaced := strings.Map(func(r rune) rune {
		if r == '.' {
			return ' '
		}
		return r
	}, name)
	var b strings.Builder
	for _, r := range spaced {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

// lookup finds a setting by one of its spellings.
func lookup(spelling func(known) string, name string) (known, bool) {
	for _, row := range table {
		if spelling(row) == name {
			return row, true
		}
	}
	return known{}, false
}

func byName(k known) string { return k.name }
func byFlag(k known) string { return k.flag }
func byEnv(k known) string  { return k.env }

func spellings(spelling func(known) string) []string {
	names := make([]string, len(table))
	for i, row := range table {
		names[i] = spelling(row)
	}
	return names
}

// defaultValue parses the default; a default that does not parse is a bug that the table's test finds.
func (k known) defaultValue() any {
	if k.fallback == "" {
		if k.kind == reflect.TypeFor[[]string]() {
			return []string{}
		}
		return reflect.Zero(k.kind).Interface()
	}
	value, err := parseValue(k.kind, k.fallback)
	if err != nil {
		panic("settings: default of " + k.name + " " + err.Error())
	}
	return value
}

// typeName is what help calls a value of this setting.
func (k known) typeName() string {
	switch reflect.Zero(k.kind).Interface().(type) {
	case Secret:
		return "secret"
	case []string:
		return "list"
	case Bytes:
		return "size"
	case time.Duration:
		return "duration"
	case int, float64:
		return "number"
	case bool:
		return "bool"
	}
	return "text"
}

// nearest returns the entry of names closest to name, or "" when none is close enough to have been meant.
func nearest(name string, names []string) string {
	best, bound := "", max(2, len(name)/4)+1
	for _, candidate := range names {
		if strings.EqualFold(candidate, name) {
			return candidate
		}
		if d := editDistance(strings.ToLower(name), strings.ToLower(candidate)); d < bound {
			best, bound = candidate, d
		}
	}
	return best
}

// editDistance counts the bytes to insert, delete or replace to turn a into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// didYouMean is the end of a complaint about name.
func didYouMean(name string, names []string) string {
	if near := nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// quoteShort quotes a value for a complaint, cut where nobody reads on.
func quoteShort(text string) string {
	const longest = 60 // characters, so that a complaint stays one line on a screen
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return strconv.Quote(text)
}
