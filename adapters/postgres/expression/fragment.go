package expression

import "fmt"

// Form is the SQL type of a fragment.
type Form uint8

// The forms. A value that comes from a document has the form JSON, whatever the schema says of it.
const (
	JSON      Form = iota // jsonb
	Bool                  // boolean
	Number                // numeric
	Text                  // text
	Timestamp             // timestamptz
	Duration              // bigint, in microseconds
)

// Fragment is an SQL expression: NULL stands for an error. Its text can be an operand of any operator.
type Fragment struct {
	SQL  string
	Form Form
}

// grouped puts the text in parentheses.
func (f Fragment) grouped() Fragment { return Fragment{"(" + f.SQL + ")", f.Form} }

// call is one of the functions of migration 0002.
func call(name string, form Form, args ...string) Fragment {
	text := "public.sheaf_" + name + "_v1("
	for i, arg := range args {
		if i > 0 {
			text += ", "
		}
		text += arg
	}
	return Fragment{text + ")", form}
}

// JSON is the value as jsonb. Times are no JSON: what comes of them equals nothing.
func (f Fragment) JSON() string {
	if f.Form == JSON {
		return f.SQL
	}
	return "to_jsonb(" + f.SQL + ")"
}

// Bool is the value as boolean, NULL when it is anything else.
func (f Fragment) Bool() string { return f.as(Bool, "bool", "boolean") }

// Number is the value as numeric, NULL when it is anything else.
func (f Fragment) Number() string { return f.as(Number, "number", "numeric") }

// Text is the value as text, NULL when it is anything else.
func (f Fragment) Text() string { return f.as(Text, "text", "text") }

func (f Fragment) as(form Form, function, typ string) string {
	switch f.Form {
	case form:
		return f.SQL
	case JSON:
		return call(function, form, f.SQL).SQL
	}
	return "NULL::" + typ
}

// Arguments are the values bound to a statement, in the order of their parameters. The zero value has none.
type Arguments struct {
	values []any
	known  map[argument]string
}

type argument struct{ value, typ string }

// Add binds a value and returns its parameter, cast to an SQL type. A string that is bound as the same type already is not bound again.
func (a *Arguments) Add(value any, typ string) string {
	text, isText := value.(string)
	if parameter, ok := a.known[argument{text, typ}]; ok && isText {
		return parameter
	}
	a.values = append(a.values, value)
	parameter := fmt.Sprintf("$%d::%s", len(a.values), typ)
	if isText {
		if a.known == nil {
			a.known = map[argument]string{}
		}
		a.known[argument{text, typ}] = parameter
	}
	return parameter
}

// Values returns the values, for the call that sends the statement.
func (a *Arguments) Values() []any { return a.values }
