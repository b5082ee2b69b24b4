package collection

import "github.com/sheafdb/sheaf/domain/ident"

// suggestion returns "; did you mean …?" when a known member is near to key, else nothing.
func suggestion(key string) string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	if near := ident.Nearest(key, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
