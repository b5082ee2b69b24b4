// Package sheaf holds the HTTP contract.
package sheaf

import _ "embed"

// Contract is the text of openapi.yaml.
//
//go:embed openapi.yaml
var Contract []byte
