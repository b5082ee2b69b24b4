package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// parameterFaults makes violations of what the validator found in one parameter. Its own texts may repeat schema and value, and are not sent.
func parameterFaults(param *openapi3.Parameter, err error) []fault.Violation {
	at := func(code, message string) []fault.Violation {
		return []fault.Violation{{In: param.In, Pointer: param.Name, Code: code, Message: message}}
	}
	var multi openapi3.MultiError
	var wrong *openapi3.SchemaError
	var unreadable *openapi3filter.ParseError
	var request *openapi3filter.RequestError
	switch {
	case errors.As(err, &request) && request.Err != nil && !errors.Is(err, openapi3filter.ErrInvalidRequired) && !errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		return parameterFaults(param, request.Err)
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		return at("required", "must be given")
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		return at("minLength", "must not be empty")
	case errors.As(err, &multi):
		var all []fault.Violation
		for _, one := range multi {
			all = append(all, parameterFaults(param, one)...)
		}
		return all
	case errors.As(err, &wrong):
		return at(wrong.SchemaField, parameterMessage(param, wrong))
	case errors.As(err, &unreadable):
		return at("type", "must be "+typeWords(param.Schema.Value))
	}
	return at("value", "is not valid")
}

// valueOf returns what was given for a parameter, the first where there are several.
func valueOf(param *openapi3.Parameter, r *http.Request, query url.Values) string {
	switch param.In {
	case openapi3.ParameterInPath:
		return r.PathValue(param.Name)
	case openapi3.ParameterInHeader:
		return r.Header.Get(param.Name)
	}
	return query.Get(param.Name)
}

// evident says that a value is what a schema asks for, of the schemas and values that nearly all requests have. What it does not know the validator judges, which takes twenty times as long.
func evident(schema *openapi3.Schema, value string) bool {
	switch {
	case schema.Pattern == ident.CollectionPattern:
		_, err := ident.ParseCollection(value)
		return err == nil
	case schema.Pattern != "" || schema.Format != "" || len(schema.Enum) > 0 || schema.Max != nil || value == "":
		return false
	case schema.Type.Is("string"):
		return schema.MinLength <= 1 && (schema.MaxLength == nil || uint64(len(value)) <= *schema.MaxLength)
	case schema.Type.Is("integer"):
		const digits = 9
		return (schema.Min == nil || *schema.Min <= 0) && len(value) <= digits && strings.Trim(value, "0123456789") == ""
	case schema.Type.Is("boolean"):
		return value == "true" || value == "false"
	}
	return false
}

func parameterMessage(param *openapi3.Parameter, wrong *openapi3.SchemaError) string {
	schema := param.Schema.Value
	switch wrong.SchemaField {
	case "enum":
		words := make([]string, len(schema.Enum))
		for i, word := range schema.Enum {
			words[i], _ = word.(string)
		}
		return "must be one of " + strings.Join(words, ", ")
	case "pattern":
		return "must match " + schema.Pattern
	case "type":
		return "must be " + typeWords(schema)
	case "format":
		return instantMessage
	case "minimum":
		return "must not be negative"
	case "minLength":
		return "must not be empty"
	case "maxLength":
		return "is too long"
	}
	return "is not valid"
}

// instantMessage is about the one format that parameters have.
const instantMessage = "must be an instant (RFC 3339), such as 2026-11-24T12:00:00Z"

func typeWords(schema *openapi3.Schema) string {
	switch {
	case schema.Type.Is("integer"):
		return "an integer"
	case schema.Type.Is("boolean"):
		return "true or false"
	case schema.Type.Is("number"):
		return "a number"
	}
	return "a string"
}
