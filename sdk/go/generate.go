// Package sheaf is a client of the Sheaf HTTP API, generated from openapi.yaml.
//
// NewClientWithResponses makes a client: each operation has a method of its name with the suffix WithResponse, which
// sends the request and decodes every documented answer. NewClient gives the same without decoding, for streams. A
// document travels as json.RawMessage, byte for byte.
//
// By hand are WithKey, for servers that ask for a key; Check, which turns an answer of NewClient's methods into an error;
// and ReadImport, for the answer to an import.
//
// Change openapi.yaml, then run `make generate`, which builds the pinned generator first.
package sheaf

//go:generate ../../.tools/oapi-codegen -config models.yaml ../../openapi.yaml
//go:generate ../../.tools/oapi-codegen -config client.yaml ../../openapi.yaml
