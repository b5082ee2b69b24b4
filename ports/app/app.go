// Package app has the use cases: what the program does, whoever asks and whatever stores.
//
// Each method is one operation of the contract and has its name. The methods are boring on purpose: load, call a pure
// function of the domain, store. Start at Documents.
package app

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/principal"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
)

// Caller is who asks, and by which request.
type Caller struct {
	Principal principal.Principal
	RequestID string
	// Seen is what the caller has seen: nothing older is served.
	Seen change.Token
	// Receipt is written with what the request does to its one document; nil where it came without a key, or is about something else.
	Receipt *receipt.Pending[document.Result]
}

func (c Caller) origin() change.Origin {
	return change.Origin{Actor: c.Principal.Name, RequestID: c.RequestID}
}

// Limits are the declared sizes that the use cases keep.
type Limits struct {
	Document collection.Limits
	Schema   schema.Limits
	Import   ImportLimits
	// Operations is how many operations a transaction may have, and Filled how many bytes it may take from the results of its own operations.
	Operations, Filled int
	// Scan is how many documents, or entries of an index, a query may read that no index answers, unless it asks for more.
	Scan int64
	// Impact is how long stored documents are judged when a change of a configuration is rehearsed; 0 is 3 s.
	Impact time.Duration
	// Bulk is how many documents one request changes by itself; 0 is 1,000. For more there is an operation.
	Bulk int
	// OperationRate is how many documents an operation changes in a second at most; 0 sets no bound.
	OperationRate int
	Cascade       CascadeLimits
	// Aggregate is how long an aggregation may take; 0 is 20 s.
	Aggregate time.Duration
}

// Dependencies are what the use cases stand on.
type Dependencies struct {
	Store  ports.Store
	Clock  ports.Clock
	IDs    ports.IDs
	Limits Limits
}

// Paging is what every list takes.
type Paging struct {
	// Size is how many items are asked for; 0 is the default.
	Size int
	// Token is the nextPageToken of the page before; "" is the first page.
	Token string
	Count query.CountKind
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	// Next is the token of the next page, "" when this is the last.
	Next string
	// Count is set when it was asked for.
	Count *query.Count
}

// recovered, deferred, makes an error of a panic. It is for goroutines of ours, where a panic would end the process and not the request.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fault.Wrap(fmt.Errorf("%v\n%s", v, debug.Stack()), fault.Internal, "internal", "panic")
	}
}
