// Package httpapi serves the contract (openapi.yaml) over HTTP: it turns requests into calls of ports/app, and what they return into answers.
//
// A request passes, from the outside in: the exchange (server.go: request id, panics, log, metrics), CORS, the router of the standard library,
// the plan of its operation (plan.go: role, key, accepted media types, parameters, media type and size of the body), the generated code in oas,
// which binds, and the handler with the operation's name. Handlers translate and nothing more.
//
// A failure leaves by one door, whatever it is and wherever it happens: problem.go.
//
// Start at New.
package httpapi
