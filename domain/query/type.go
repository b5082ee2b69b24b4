package query

// Type is what is known of the values of a variable or of a part of one. It only serves to refuse mistakes: a nil Type is that of any JSON value.
type Type struct {
	kind Kind
}

// TypeOf returns the type of all values of a kind.
func TypeOf(kind Kind) *Type { return &Type{kind: kind} }
