package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How much of a value a message shows. A message helps a person; the value may be megabytes, and not theirs to see.
const (
	maxShown        = 60 // characters of one value
	maxShownPattern = 120
	maxShownValues  = 8   // values of an enum, names of members
	maxListed       = 100 // names in Params
)

// quote shows a text as a JSON string, cut short.
func quote(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(clip(s, maxShown)) != nil {
		return `"…"`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// clip cuts s to a number of characters.
func clip(s string, characters int) string {
	if len(s) <= characters {
		return s
	}
	count := 0
	for i := range s {
		if count++; count > characters {
			return s[:i] + "…"
		}
	}
	return s
}

// plural counts things whose name takes an s.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func appendInt(text []byte, n int) []byte { return strconv.AppendInt(text, int64(n), 10) }

// display shows a value of a schema, cut short.
func display(v any) string {
	var b strings.Builder
	write(&b, v)
	return clip(b.String(), 2*maxShown)
}

// write stops descending once there is more than anybody is shown.
func write(b *strings.Builder, v any) {
	if b.Len() > 2*maxShown*utf8.UTFMax {
		return
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case json.Number:
		b.WriteString(clip(string(v), maxShown))
	case string:
		b.WriteString(quote(v))
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > maxShownValues {
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, item)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > maxShownValues {
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(name) + ": ")
			write(b, v[name])
		}
		b.WriteByte('}')
	}
}

// typeMessage says "must be a string or null".
func typeMessage(t types) string {
	var wanted []string
	for _, name := range typeNames {
		if t&name.bit != 0 && !(name.bit == typeInteger && t&typeNumber != 0) {
			wanted = append(wanted, name.article)
		}
	}
	return "must be " + either(wanted)
}

// either joins alternatives: "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func enumMessage(values []any) string {
	switch len(values) {
	case 0:
		return "cannot be anything: the schema lists no values"
	case 1:
		return "must be " + display(values[0])
	}
	shown := make([]string, min(len(values), maxShownValues))
	for i := range shown {
		shown[i] = display(values[i])
	}
	text := "must be one of " + strings.Join(shown, ", ")
	if rest := len(values) - len(shown); rest > 0 {
		text += " and " + strconv.Itoa(rest) + " more"
	}
	return text
}

// memberList says `the member "a"` or `the members "a", "b"`.
func memberList(names []string) string {
	if len(names) == 1 {
		return "the member " + quote(names[0])
	}
	shown := make([]string, min(len(names), maxShownValues))
	for i := range shown {
		shown[i] = quote(names[i])
	}
	text := "the members " + strings.Join(shown, ", ")
	if rest := len(names) - len(shown); rest > 0 {
		text += " and " + strconv.Itoa(rest) + " more"
	}
	return text
}

func containsMessage(bound string, want, got int) string {
	return "must contain " + bound + " " + plural(want, "item") + " of the kind the schema asks for, and has " + strconv.Itoa(got)
}
