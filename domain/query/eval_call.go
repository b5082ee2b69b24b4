package query

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

func (ev *evaluation) call(n *Call) (any, error) {
	switch n.Op {
	case OpAnd, OpOr:
		return ev.logic(n)
	case OpNot:
		b, err := ev.truth(n.Arguments[0])
		if err != nil {
			return nil, err
		}
		return !b, nil
	case OpSearch:
		return nil, errSearch
	}
	a, err := ev.eval(n.Arguments[0])
	if err != nil {
		return nil, err
	}
	if len(n.Arguments) == 1 {
		return ev.unary(n, a)
	}
	b, err := ev.eval(n.Arguments[1])
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case OpEqual, OpNotEqual:
		return ev.same(a, b) == (n.Op == OpEqual), nil
	case OpLess, OpLessOrEqual, OpGreater, OpGreaterOrEqual:
		return order(n, a, b)
	case OpIn:
		return ev.in(a, b)
	case OpAdd, OpSubtract, OpMultiply:
		return ev.arithmetic(n, a, b)
	}
	return ev.texts(n.Op, a, b)
}

func (ev *evaluation) logic(n *Call) (any, error) {
	var failure error
	for _, argument := range n.Arguments {
		b, err := ev.truth(argument)
		switch {
		case err != nil:
			failure = err
		case b == (n.Op == OpOr):
			return b, nil
		}
	}
	if failure != nil {
		return nil, failure
	}
	return n.Op == OpAnd, nil
}

// same is equality of any two values.
func (ev *evaluation) same(a, b any) bool {
	switch a := a.(type) {
	case Instant, Span:
		return a == b
	}
	return ev.equal(a, b)
}

// order compares two values that have to be of one kind, and of the kind of the operator if it has one.
func order(n *Call, a, b any) (any, error) {
	kind := KindOf(a)
	if kind != KindOf(b) || n.On != Dynamic && n.On != kind {
		return nil, errKind
	}
	var c int
	switch a := a.(type) {
	case json.Number:
		c = jsontext.CompareNumbers(a, b.(json.Number))
	case string:
		c = strings.Compare(a, b.(string))
	case bool:
		c = cmp.Compare(rank(a), rank(b.(bool)))
	case Instant:
		c = cmp.Compare(a, b.(Instant))
	case Span:
		c = cmp.Compare(a, b.(Span))
	default:
		return nil, errKind
	}
	switch n.Op {
	case OpLess:
		return c < 0, nil
	case OpLessOrEqual:
		return c <= 0, nil
	case OpGreater:
		return c > 0, nil
	}
	return c >= 0, nil
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (ev *evaluation) in(a, b any) (any, error) {
	switch b := b.(type) {
	case []any:
		for _, element := range b {
			if !ev.spend(1) {
				return nil, errWork
			}
			if ev.equal(element, a) {
				return true, nil
			}
		}
		return false, nil
	case map[string]any:
		name, ok := a.(string)
		if !ok {
			return false, nil
		}
		_, ok = b[name]
		return ok, nil
	}
	return nil, errKind
}

// textWork is how many bytes of text cost what a node costs.
const textWork = 64

func (ev *evaluation) texts(op Op, a, b any) (any, error) {
	s, ok := a.(string)
	t, fine := b.(string)
	if !ok || !fine {
		return nil, errKind
	}
	ev.spend((len(s) + len(t)) / textWork)
	switch op {
	case OpStartsWith:
		return strings.HasPrefix(s, t), nil
	case OpEndsWith:
		return strings.HasSuffix(s, t), nil
	case OpContains:
		return strings.Contains(s, t), nil
	}
	panic("query: an operator that is not known: " + string(op))
}

// unary applies what has one argument.
func (ev *evaluation) unary(n *Call, a any) (any, error) {
	if s, ok := a.(string); ok {
		ev.spend(len(s) / textWork)
		return ev.text(n, s)
	}
	switch n.Op {
	case OpSize:
		switch a := a.(type) {
		case []any:
			return count(len(a)), nil
		case map[string]any:
			return count(len(a)), nil
		}
	case OpNegate:
		switch a := a.(type) {
		case json.Number:
			return negate(a), nil
		case Span:
			return -a, nil
		}
	case OpInt, OpDouble:
		if number, ok := a.(json.Number); ok && n.Op == OpInt {
			return truncate(number), nil
		} else if ok {
			return number, nil
		}
	}
	return nil, errKind
}

func (ev *evaluation) text(n *Call, s string) (any, error) {
	switch n.Op {
	case OpSize:
		return count(utf8.RuneCountInString(s)), nil
	case OpMatches:
		ev.spend(len(s) * n.Pattern.work)
		return n.Pattern.matcher.MatchString(s), nil
	case OpLowerASCII:
		return mapASCII(s, 'A', 'Z'), nil
	case OpUpperASCII:
		return mapASCII(s, 'a', 'z'), nil
	case OpTimestamp:
		if instant, ok := ParseInstant(s); ok {
			return instant, nil
		}
		return nil, errInstant
	case OpInt, OpDouble:
		if number, ok := parseNumber(s, n.Op == OpDouble); ok {
			return number, nil
		}
		return nil, errNumber
	}
	return nil, errKind
}

func count(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// mapASCII changes the case of the letters from first to last.
func mapASCII(s string, first, last byte) string {
	return strings.Map(func(r rune) rune {
		if r >= rune(first) && r <= rune(last) {
			return r ^ 0x20
		}
		return r
	}, s)
}
