package httpapi

import (
	"errors"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/sheafdb/sheaf/domain/fault"
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
