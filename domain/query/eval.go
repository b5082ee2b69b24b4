package query

// Vars are the values of an environment's variables: decoded JSON (see jsontext.Decode), and Instant where the type is Timestamp.
type Vars map[string]any

// Match reports whether the expression is true; an error is no match.
func (e *Expr) Match(vars Vars) bool {
	v, err := e.Eval(vars)
	return err == nil && v == true
}

// Eval returns the value of the expression: decoded JSON with canonical numbers, an Instant or a Span. Parts of vars may be parts of it.
// It fails as the nodes of the tree say.
func (e *Expr) Eval(vars Vars) (any, error) {
	return nil, nil
}
