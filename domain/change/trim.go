package change

import "time"

// Reason is why revisions are not kept any more.
type Reason byte

// The reasons, as the letters that an adapter keeps.
const (
	ByAge    Reason = 'a' // another one has followed it long enough ago
	ByNumber Reason = 'n' // enough others have followed it
)

// Trim says which revisions go: of every document all but the Keep newest of those that are older than Before. Revisions that follow these stay as well, so the newest always does.
type Trim struct {
	Reason Reason
	Keep   int
	Before time.Time
}
