package index

import "slices"

// Span is a stretch of keys in the order of their bytes.
type Span struct {
	// From is the first key, To the first one behind; To is nil where nothing is behind.
	From, To []byte
	// Exact says that every key in the span is one that was asked for. Where it is false a value was so long that only its beginning counts,
	// and whoever reads the span looks at the documents too. No span leaves out a key that was asked for.
	Exact bool
}

// Bound is an end of a range of values.
type Bound struct {
	Value     any
	Inclusive bool
}

// Range is a range of values of one kind, which is the kind of its bounds; a bound that is nil is the end of the kind.
// Which bound is the lower one does not depend on the direction of a field.
type Range struct{ Lo, Hi *Bound }

// Equal returns the span of the keys that begin with the given values of the first fields.
// There are at most as many values as fields; nil stands for null and for what is missing.
func (x *Index) Equal(values ...any) Span {
	at, cut := x.prefix(values)
	return between(at, cut, at, cut, true)
}

// Range returns the span of the keys that begin with the given values, and go on with one in the range.
// A range without bounds is that of all values, null included.
func (x *Index) Range(values []any, r Range) Span {
	prefix, cut := x.prefix(values)
	if cut || r == (Range{}) {
		return between(prefix, cut, prefix, cut, true)
	}
	f := x.Fields[len(values)]
	lo, hi := x.end(prefix, f, r.Lo, r.Hi, true), x.end(prefix, f, r.Hi, r.Lo, false)
	if f.Desc {
		lo, hi = hi, lo
	}
	return between(lo.key, lo.cut, hi.key, hi.cut, hi.inclusive).from(lo.inclusive)
}

// StartsWith returns the span of the keys that begin with the given values, and go on with a string that begins with s.
// In a case-insensitive index s is folded too.
func (x *Index) StartsWith(values []any, s string) Span {
	prefix, cutBefore := x.prefix(values)
	f := x.Fields[len(values)]
	if cutBefore {
		return between(prefix, true, prefix, true, true)
	}
	if x.CaseInsensitive {
		s = Fold(s)
	}
	start := len(prefix)
	prefix = appendEscaped(append(prefix, tagString), s)
	long := len(prefix)-start > ValueBytes
	if long {
		prefix = prefix[:start+ValueBytes]
	}
	if f.Desc {
		invert(prefix[start:])
	}
	prefix, tooLong := within(prefix)
	return between(prefix, long || tooLong, prefix, long || tooLong, true)
}

// prefix returns the beginning of the keys with these values, and whether it had to be cut.
func (x *Index) prefix(values []any) (key []byte, cut bool) {
	for i, v := range values {
		key = x.appendField(key, x.Fields[i], v)
	}
	return within(key)
}

// within cuts a bound to the part of a key that is kept as it is.
func within(key []byte) ([]byte, bool) {
	if len(key) <= KeyBytes-digestBytes {
		return key, false
	}
	return key[:KeyBytes-digestBytes], true
}

// end is an end of a range in bytes: a key and whether those that begin with it are inside.
type end struct {
	key            []byte
	inclusive, cut bool
}

// end returns the end of a range at a bound; where there is none, the end of the kind that the other bound is of.
func (x *Index) end(prefix []byte, f Field, b, other *Bound, lower bool) end {
	if b == nil {
		first, last := kindRange(other.Value)
		tag := last
		if lower {
			tag = first
		}
		if f.Desc {
			tag = ^tag
		}
		return end{key: append(slices.Clone(prefix), tag), inclusive: true}
	}
	start := len(prefix)
	key := appendValue(slices.Clone(prefix), b.Value, x.CaseInsensitive)
	long := len(key)-start > ValueBytes
	if long {
		key = key[:start+ValueBytes]
	}
	if f.Desc {
		invert(key[start:])
	}
	key, tooLong := within(key)
	// Beside what begins like a long value may lie both what is inside and what is not.
	return end{key: key, inclusive: b.Inclusive || long || tooLong, cut: long || tooLong}
}

// between returns the span from a key on, to those that begin with another one or to it.
func between(from []byte, fromCut bool, to []byte, toCut, inclusive bool) Span {
	s := Span{From: slices.Clone(from), To: slices.Clone(to), Exact: !fromCut && !toCut}
	if inclusive {
		s.To = behind(to)
	}
	return s
}

// from returns the span without the keys that begin with its first one, unless that is inclusive.
func (s Span) from(inclusive bool) Span {
	if !inclusive {
		s.From = behind(s.From)
	}
	return s
}

// behind returns the first key that is above all that begin with prefix, nil where there is none.
func behind(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			next := slices.Clone(prefix[:i+1])
			next[i]++
			return next
		}
	}
	return nil
}

// kindRange returns the first and the last byte with which values of a kind begin.
func kindRange(v any) (first, last byte) {
	switch kind := kindOf(v); kind {
	case tagFalse:
		return tagFalse, tagTrue
	case tagZero:
		return tagNegative, tagPositive
	default:
		return kind, kind
	}
}
