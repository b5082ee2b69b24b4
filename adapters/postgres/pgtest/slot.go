package pgtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
)

// A slot is a directory with a cluster for one test process at a time. Slots are kept between runs, because starting a
// cluster takes a tenth of the time of making one, and because a test process that ends badly then leaves nothing behind that
// grows. They hold no secrets and nothing of value: one that does not start is made anew.

const (
	// maxSlots bounds how many test processes of one user run at once. `go test` runs as many as there are processors.
	maxSlots = 64
	// slotStart bounds the start of a server, with the fetching of binaries where there are none.
	slotStart = 6 * time.Minute
)

// fast are the settings of a server whose data is worth nothing.
var fast = map[string]string{
	"fsync": "off", "full_page_writes": "off", "max_connections": "200", "shared_buffers": "128MB", "max_wal_size": "256MB",
}

// startSlot starts the server of the first free slot, and returns the connection string of its maintenance database.
func startSlot() (url string, stop func() error, err error) {
	base, err := slotFolder()
	if err != nil {
		return "", nil, err
	}
	dir, release, err := takeSlot(base)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), slotStart)
	defer cancel()
	opts := pglocal.Options{Dir: dir, Settings: maps.Clone(fast), Fetch: true}
	server, err := pglocal.Start(ctx, opts)
	if err != nil && !errors.Is(err, pglocal.ErrNoBinaries) && !errors.Is(err, pglocal.ErrInUse) {
		// Of another version, or damaged by a crash that fsync=off did not survive. It is ours and empty of value.
		if err := os.RemoveAll(dir); err != nil {
			release()
			return "", nil, fmt.Errorf("pgtest: %w", err)
		}
		server, err = pglocal.Start(ctx, opts)
	}
	if err != nil {
		release()
		return "", nil, err
	}
	stop = func() error {
		defer release()
		return server.Close()
	}
	url = server.DSN("postgres")
	if err := sweep(ctx, url); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return url, stop, nil
}

// slotFolder returns this user's folder of slots. The folder is a new one after each start of the machine, where that is known:
// without fsync a cluster may look whole after a power cut and not be.
func slotFolder() (string, error) {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // elsewhere, clusters live as long as temporary files do
	name := strings.Join([]string{"sheaf-pgtest", strconv.Itoa(os.Geteuid()), string(boot[:min(len(boot), 8)])}, "-")
	folder := filepath.Join(os.TempDir(), name)
	// Under root the server is another user, who must get through.
	if err := os.Mkdir(folder, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("pgtest: %s is not a folder that only this user can write to: remove it", folder)
	}
	if err := os.Chmod(folder, 0o711); err != nil { // whatever the umask made of it
		return "", fmt.Errorf("pgtest: %w", err)
	}
	return folder, nil
}

// takeSlot takes a slot for this process until release, or until the process ends.
func takeSlot(base string) (dir string, release func(), err error) {
	for n := range maxSlots {
		dir := filepath.Join(base, "slot-"+strconv.Itoa(n))
		file, err := os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", nil, fmt.Errorf("pgtest: %w", err)
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return dir, func() {
				_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
				_ = file.Close()
			}, nil
		}
		_ = file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return "", nil, fmt.Errorf("pgtest: lock %s: %w", dir, err)
		}
	}
	return "", nil, fmt.Errorf("pgtest: %d test processes have a server in %s already", maxSlots, base)
}

// sweep drops what the process before left on the cluster.
func sweep(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", namePrefix)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
	}
	return nil
}
