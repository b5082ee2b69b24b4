package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// redacted stands for every secret that is set.
const redacted = "[redacted]"

// Secret is a setting that no log, listing or error shows. The zero value is not
// set. As the key of a map encoding/json would write its text: it is a value only.
type Secret string

// Reveal returns the text itself, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]", or "" when nothing is set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format writes what String says, whatever the verb: %d and %#v would print the text.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is what encoders write that know text only.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil } //nolint:unparam // the signature is encoding.TextMarshaler

// MarshalJSON is what encoding/json writes.
func (s Secret) MarshalJSON() ([]byte, error) { return strconv.AppendQuote(nil, s.String()), nil } //nolint:unparam // the signature is json.Marshaler

// Bytes is a size in bytes.
type Bytes int64

// byteUnits are in falling order, binary before decimal, so that String finds the shortest exact form.
var byteUnits = []struct {
	name string
	size int64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
}

// ParseBytes reads a whole number with an optional unit: 4MiB, 500KB, 1024.
func ParseBytes(text string) (Bytes, error) {
	number, unit := strings.TrimSpace(text), int64(1)
	for _, u := range byteUnits {
		if before, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(before), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, errors.New("is not a size such as 4MiB, 500KB or 1024")
	}
	return Bytes(n * unit), nil
}

// String returns the size with the largest binary unit that divides it, as ParseBytes reads it.
func (b Bytes) String() string {
	for _, u := range byteUnits[:3] {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalJSON writes what String says, as a string.
func (b Bytes) MarshalJSON() ([]byte, error) { return strconv.AppendQuote(nil, b.String()), nil } //nolint:unparam // the signature is json.Marshaler

// parseValue turns the text of a setting into a value of type t. Its errors go
// after the setting's name and hold no value.
func parseValue(t reflect.Type, text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	switch reflect.Zero(t).Interface().(type) {
	case string:
		return trimmed, nil
	case Secret:
		return Secret(trimmed), nil
	case []string:
		return splitList(trimmed), nil
	case Bytes:
		return ParseBytes(trimmed)
	case time.Duration:
		d, err := time.ParseDuration(trimmed)
		if err != nil {
			return nil, errors.New("is not a duration such as 500ms, 30s or 2m")
		}
		return d, nil
	case bool:
		switch strings.ToLower(trimmed) {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
		return nil, errors.New("is neither true nor false")
	case int:
		n, err := strconv.Atoi(trimmed)
		if err != nil {
			return nil, errors.New("is not a whole number")
		}
		return n, nil
	case float64:
		f, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errors.New("is not a number")
		}
		return f, nil
	}
	panic(fmt.Sprintf("settings: no parser for %s", t)) // a field of a new type in Settings
}

// splitList cuts at commas and drops empty entries; no text is an empty list, not nil, so that it replaces a longer one.
func splitList(text string) []string {
	list := []string{}
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// formatValue is the inverse of parseValue, except that a secret is hidden.
func formatValue(value any) string {
	switch v := value.(type) {
	case []string:
		return strings.Join(v, ",")
	case time.Duration:
		return formatDuration(v)
	}
	return fmt.Sprint(value)
}

// formatDuration drops the zero units that time.Duration writes: 2m, not 2m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
