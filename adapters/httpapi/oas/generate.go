// Package oas is generated from openapi.yaml: the types of the contract, its routes, and the contract itself.
//
// Nothing here is written by hand and nothing outside adapters/httpapi imports it. Change openapi.yaml, then run
// `make generate`, which builds the pinned generator first.
package oas

//go:generate ../../../.tools/oapi-codegen -config models.yaml ../../../openapi.yaml
//go:generate ../../../.tools/oapi-codegen -config server.yaml ../../../openapi.yaml
//go:generate ../../../.tools/oapi-codegen -config spec.yaml ../../../openapi.yaml
