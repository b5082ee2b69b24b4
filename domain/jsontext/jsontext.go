// Package jsontext is what Sheaf knows about JSON text: the canonical form that documents are kept in, and what can be
// done with it without losing a digit.
//
// Canonical is the gate: it checks a body and writes the text that PostgreSQL prints for it as jsonb, and refuses what could
// not be kept exactly. Decode and Append go between canonical text and trees of map[string]any, []any, string, json.Number,
// bool and nil; Equal, MergePatch and Lookup work on such trees. Numbers stay as they are written; there is no float64 here.
// Nothing keeps a reference to a slice it is given, and everything may be called concurrently.
//
// Start at Canonical; order.go tells how members get into their order, number.go what a number becomes.
package jsontext

// DefaultDepth bounds nesting where Limits says nothing, in levels. Whoever reads a document recurses, and a hostile body must not grow their stacks.
const DefaultDepth = 100

// maxBytes bounds every text, in bytes: jsonb keeps no more in one string or object, and offsets fit into 32 bits.
const maxBytes = 1<<28 - 1

// Limits bound what Canonical accepts. The zero value sets no bounds but those that always hold.
type Limits struct {
	// Bytes bounds the canonical text. Zero, or more than 268,435,455, means that: the most that jsonb keeps in one object.
	Bytes int
	// Depth bounds nesting, in levels: a scalar has none, [] has one. Zero means DefaultDepth.
	Depth int
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 || l.Bytes > maxBytes {
		l.Bytes = maxBytes
	}
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	return l
}
