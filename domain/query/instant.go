package query

// Instant is a point in time in microseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.
type Instant int64

// Span is a length of time in microseconds, at most 10,000 years either way.
type Span int64
