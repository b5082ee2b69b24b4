package query

import (
	"encoding/json"
	"fmt"
)

// JSON returns a value of an expression as JSON: an instant as a text of RFC 3339 in UTC with microseconds, a length of time as a number of seconds.
func JSON(v any) any {
	switch v := v.(type) {
	case Instant:
		return v.Text()
	case Span:
		return seconds(int64(v))
	}
	return v
}

// seconds writes microseconds as seconds with six digits of a fraction.
func seconds(micros int64) json.Number {
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	return json.Number(fmt.Sprintf("%s%d.%06d", sign, micros/1_000_000, micros%1_000_000))
}
