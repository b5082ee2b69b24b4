package search

import (
	"strings"

	"github.com/sheafdb/sheaf/domain/query"
)

// describe says what each combination of values and the range behind them is, as expressions.
func (p *Plan) describe(values [][]any, bound []binding) []string {
	var list []string
	for _, v := range values {
		var words []string
		for i, value := range v {
			words = append(words, fieldText(p, i)+" == "+query.FormatValue(value))
		}
		words = append(words, p.describeRange(bound)...)
		if len(words) == 0 {
			words = []string{"all entries"}
		}
		list = append(list, strings.Join(words, " && "))
	}
	return list
}

func (p *Plan) describeRange(bound []binding) []string {
	if p.Equal == len(p.Index.Fields) || p.Bound == p.Equal {
		return nil
	}
	f, name := p.Index.Fields[p.Equal], fieldText(p, p.Equal)
	var words []string
	for _, b := range bound {
		switch {
		case !sameField(b.field, f):
		case b.begins:
			return []string{name + ".startsWith(" + query.FormatValue(b.prefix) + ")"}
		case b.lo != nil:
			words = append(words, name+sign(" >", b.lo.Inclusive)+query.FormatValue(b.lo.Value))
		case b.hi != nil:
			words = append(words, name+sign(" <", b.hi.Inclusive)+query.FormatValue(b.hi.Value))
		}
	}
	return words
}

func sign(op string, inclusive bool) string {
	if inclusive {
		return op + "= "
	}
	return op + " "
}

func fieldText(p *Plan, i int) string {
	f := p.Index.Fields[i]
	f.Desc = false
	return f.String()
}
