// Package pglocal runs a private PostgreSQL for one person or one test run: `sheaf dev` and package pgtest.
//
// It finds the server's binaries (or fetches them, when allowed), makes a cluster in a directory of its own, and serves it
// on a unix socket only that user can reach; nothing listens on a network. The data is kept between runs, and is durable
// unless Options.Settings says otherwise. A production database is somebody else's work: nothing here tunes, replicates or
// backs up.
//
// Three promises shape the code. A directory with data is never emptied, upgraded or re-owned: what does not fit is
// refused, with what to do. One directory has one launcher at a time (lock.go). However a launcher ended, the next
// Start works: the server follows its launcher's death (process_linux.go, process_other.go), and what it left
// behind is stopped or cleared first (leftover.go).
//
// PostgreSQL refuses to run as root, so under root it runs as the owner of the data, else as `postgres` or `nobody`
// (account.go); where that user cannot reach the directory, the database is kept elsewhere (home.go).
//
// The package is for unix systems. Start reading at Start in server.go.
package pglocal
