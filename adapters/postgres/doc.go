// Package postgres keeps collections, documents and changes in PostgreSQL 15 or newer: the adapter of ports.Store.
//
// The tables and functions are in migrations; the statements are in queries, one file a noun, and sqlcgen is made of them.
// Nothing depends on the state of a session, so that every operation works through a pooler in transaction mode, in each of the exec modes.
//
// # Reading
//
// A read is one statement with the whole key or a keyset, and one round trip: documents.go, export.go, changes.go, collections.go.
//
// # Writing
//
// Callers of Write take turns (writer.go), in which what is waiting is merged into one transaction. A transaction (transaction.go)
// reads the documents without locks, lets the domain decide (plan.go), and then writes documents, takes positions of the buckets, checks that
// the collections are as the batches believe, and appends the changes, in one statement that is a transaction of its own (apply.go).
// A document that changed in between makes that statement fail as a whole; the transaction is tried again, with locks from then on.
//
// # Locks
//
// Everybody takes locks in this order: documents by (bucket, collection, id), then buckets from 0 up, then the row of
// a collection, then bucket -1, which numbers the changes of configurations. A change of a configuration holds the bucket of its collection, and every write
// looks at the collection after it has the bucket: neither overlaps the other.
//
// Start reading at Open.
package postgres
