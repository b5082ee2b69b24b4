// Package principal says who asks. Every write carries one, and every change records it as its actor.
package principal

// Principal is who a request acts for.
type Principal struct {
	// Name identifies the caller in changes and logs; it holds nothing secret.
	Name string
}

// The principals that exist before keys and tokens are declared.
var (
	// Root holds the root key: everything is allowed.
	Root = Principal{Name: "root"}
	// Anonymous asks where no key is required.
	Anonymous = Principal{Name: "anonymous"}
	// System is the server itself: background work.
	System = Principal{Name: "system"}
)
