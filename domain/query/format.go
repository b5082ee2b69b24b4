package query

import (
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Format returns an expression as it could have been written.
func Format(n Node) string {
	var b strings.Builder
	format(&b, n)
	return b.String()
}

// FormatValue returns a constant as it could have been written.
func FormatValue(v any) string {
	switch v := v.(type) {
	case Instant:
		return `timestamp("` + time.UnixMicro(int64(v)).UTC().Format(time.RFC3339Nano) + `")`
	case Span:
		return `duration("` + (time.Duration(v) * time.Microsecond).String() + `")`
	}
	return string(jsontext.Append(nil, v))
}

func format(b *strings.Builder, n Node) {
	switch n := n.(type) {
	case *Literal:
		b.WriteString(FormatValue(n.Value))
	case *Variable:
		b.WriteString(n.Name)
	case *Bound:
		b.WriteString(n.Name)
	case *Select:
		format(b, n.Operand)
		formatMember(b, n.Member)
	case *Has:
		b.WriteString("has(")
		format(b, n.Operand)
		formatMember(b, n.Member)
		b.WriteByte(')')
	case *Index:
		format(b, n.Operand)
		b.WriteByte('[')
		format(b, n.At)
		b.WriteByte(']')
	case *ListOf:
		b.WriteByte('[')
		formatList(b, n.Elements, ", ")
		b.WriteByte(']')
	case *Conditional:
		b.WriteByte('(')
		formatList(b, []Node{n.If, n.Then}, " ? ")
		b.WriteString(" : ")
		format(b, n.Else)
		b.WriteByte(')')
	case *Quantified:
		format(b, n.Over)
		b.WriteString("." + [...]string{Any: "exists", All: "all", One: "exists_one"}[n.Quantifier] + "(" + n.Name + ", ")
		format(b, n.Body)
		b.WriteByte(')')
	case *Call:
		formatCall(b, n)
	}
}

func formatCall(b *strings.Builder, n *Call) {
	switch n.Op {
	case OpNot:
		b.WriteByte('!')
		format(b, n.Arguments[0])
	case OpNegate:
		b.WriteByte('-')
		format(b, n.Arguments[0])
	case OpStartsWith, OpEndsWith, OpContains, OpMatches, OpLowerASCII, OpUpperASCII:
		format(b, n.Arguments[0])
		b.WriteString("." + string(n.Op) + "(")
		formatList(b, n.Arguments[1:], ", ")
		b.WriteByte(')')
	case OpSize, OpTimestamp, OpInt, OpDouble, OpSearch:
		b.WriteString(string(n.Op) + "(")
		formatList(b, n.Arguments, ", ")
		b.WriteByte(')')
	default:
		b.WriteByte('(')
		formatList(b, n.Arguments, " "+string(n.Op)+" ")
		b.WriteByte(')')
	}
}

func formatList(b *strings.Builder, list []Node, between string) {
	for i, n := range list {
		if i > 0 {
			b.WriteString(between)
		}
		format(b, n)
	}
}

func formatMember(b *strings.Builder, member string) {
	for i := range len(member) {
		c := member[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			b.WriteString("[" + FormatValue(member) + "]")
			return
		}
	}
	if member == "" {
		b.WriteString(`[""]`)
		return
	}
	b.WriteString("." + member)
}
