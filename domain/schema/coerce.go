package schema

import (
	"encoding/json"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// scalarTypes are those that values are coerced to.
const scalarTypes = typeString | typeBoolean | typeInteger | typeNumber

// target is the one type that a value can be coerced to where a node asks for t, 0 where there is none: null beside it does not count, and an integer is a number.
func (t types) target() types {
	switch wanted := t &^ typeNull; {
	case wanted == typeInteger|typeNumber:
		return typeNumber
	case wanted&^scalarTypes == 0 && wanted&(wanted-1) == 0:
		return wanted
	}
	return 0
}

// coerced returns v as a value of type t, and whether there is one. It is the whole table of coercion: each line gives back what it was given, or refuses.
//
//	a string that is a JSON number   number, integer (without a fraction)
//	"true", "false"                  boolean
//	a number                         string: its digits as they are stored
//	true, false                      string
//	1, 0                             boolean
func coerced(v any, t types) (any, bool) {
	switch v := v.(type) {
	case string:
		switch t {
		case typeNumber, typeInteger:
			if !jsontext.ValidNumber(v) || t == typeInteger && !isInteger(v) {
				return nil, false
			}
			canonical, err := jsontext.Canonical(nil, []byte(v), jsontext.Limits{})
			return json.Number(canonical), err == nil
		case typeBoolean:
			return v == "true", v == "true" || v == "false"
		}
	case json.Number:
		switch t {
		case typeString:
			return string(v), true
		case typeBoolean:
			d := parseDecimal(string(v))
			one := compare(d, decimal{small: 1}) == 0
			return one, one || d.isZero()
		}
	case bool:
		if t == typeString {
			if v {
				return "true", true
			}
			return "false", true
		}
	}
	return nil, false
}

// nameOf names the type of a value, or a type.
func nameOf(t types) string {
	for _, known := range typeNames {
		if t == known.bit {
			return known.name
		}
	}
	return ""
}
