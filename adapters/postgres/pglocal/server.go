package pglocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL. Its methods may be called concurrently. Whoever started it closes it; should this
// process die first, the server shuts down by itself.
type Server struct {
	opts      Options
	home      string
	socketDir string
	binaries  binaries
	process   *os.Process
	unlock    func()

	// ended is closed when the process is gone; exit is its error, readable from then on.
	ended chan struct{}
	exit  error

	closing  sync.Once
	closeErr error
}

// Start makes the directory's cluster if there is none, starts its server and returns when it takes connections. ctx
// bounds the start alone: the server runs until Close.
//
// It fails with ErrInUse, ErrVersion, ErrNoBinaries or ErrForeign where the situation has a name, and otherwise with an
// error that ends in the server's own last words. Whatever it fails with, nothing is left running, the directory is free
// again, and data that was there is as it was.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	home, who, err := homeOf(opts.Dir, opts.moved)
	if err != nil {
		return nil, fmt.Errorf("pglocal: %w", err)
	}
	unlock, err := lock(home, who)
	if err != nil {
		return nil, fmt.Errorf("pglocal: %w", err)
	}
	s := &Server{opts: opts, home: home, unlock: unlock, ended: make(chan struct{})}
	if err := s.start(ctx, who); err != nil {
		unlock()
		return nil, fmt.Errorf("pglocal: %w", err)
	}
	return s, nil
}

// start does the work of Start once the directory is ours.
func (s *Server) start(ctx context.Context, who account) error {
	data := filepath.Join(s.home, dataName)
	major, err := dataMajor(data, who)
	if err != nil {
		return err
	}
	find := finder{only: s.opts.Binaries, folders: s.opts.search, cache: filepath.Dir(s.home), fetch: s.opts.Fetch, who: who, logger: s.opts.Logger}
	if s.binaries, err = find.find(ctx, major); err != nil {
		return fmt.Errorf("%s: %w", s.home, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.StartTimeout, fmt.Errorf("not ready after %s", s.opts.StartTimeout))
	defer cancel()
	if major == 0 {
		s.opts.Logger.Info("making a database cluster", slog.String("data", data), slog.Int("major", s.binaries.major))
		if err := makeCluster(ctx, s.home, s.binaries, who, s.opts.Settings["fsync"] != "off"); err != nil {
			return err
		}
	} else if err := (leftover{data: data, wait: s.opts.StopTimeout, logger: s.opts.Logger}).clear(ctx); err != nil {
		return err
	}
	if s.socketDir, err = makeSocketDir(s.home, who); err != nil {
		return err
	}
	log, err := openLog(s.home, who)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own handle
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := s.launch(who, data, log); err != nil {
		removeSocketDir(s.socketDir)
		return err
	}
	if err := s.ready(ctx); err != nil {
		// A server that never got ready has nothing to lose; its log says why.
		_ = s.stop()
		removeSocketDir(s.socketDir)
		return fmt.Errorf("start PostgreSQL %d on %s: %w%s", s.binaries.major, data, err, tail(log, begin))
	}
	s.opts.Logger.Info("database ready", slog.String("data", data), slog.Int("major", s.binaries.major), slog.Int("pid", s.PID()))
	return nil
}

// launch starts the process, in a session of its own: an interrupt typed at the terminal is for the launcher, which
// stops its clients first and then the server.
func (s *Server) launch(who account, data string, log *os.File) error {
	settings := map[string]string{
		"cluster_name": "sheaf", "timezone": "UTC", "log_timezone": "UTC",
	}
	maps.Copy(settings, s.opts.Settings)
	settings["listen_addresses"] = ""
	settings["port"] = port
	settings["unix_socket_directories"] = s.socketDir
	settings["unix_socket_permissions"] = "0700"
	args := []string{"-D", data}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	cmd := exec.Command(s.binaries.postgres(), args...) //nolint:gosec,noctx // no shell in between; it lives until Close
	who.run(cmd)
	cmd.SysProcAttr.Setsid = true
	cmd.Stdout, cmd.Stderr = log, log
	wait, err := start(cmd)
	if err != nil {
		return err
	}
	s.process = cmd.Process
	go func() {
		s.exit = wait()
		close(s.ended)
	}()
	return nil
}

// ready returns when the server takes connections and has the database that URL names.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the process or with ctx
		select {
		case <-s.ended:
			cancel(errors.New("it ended before it was ready"))
		case <-ctx.Done():
		}
	}()
	var conn *pgx.Conn
	connected := poll(ctx, func() (ok bool) {
		var err error
		conn, err = pgx.Connect(ctx, s.DSN("postgres"))
		return err == nil
	})
	if !connected {
		return context.Cause(ctx)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var exists bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", s.opts.Database).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{s.opts.Database}.Sanitize())
	}
	return err
}

// URL returns the connection string of the server's database, for pgx and for psql. It is good until Close.
func (s *Server) URL() string { return s.DSN(s.opts.Database) }

// DSN is URL for another database of the server.
func (s *Server) DSN(database string) string { return dsn(s.socketDir, database) }

// String is the command with which a person looks into the database.
func (s *Server) String() string { return `psql "` + s.URL() + `"` }

// PID is the process id of the server.
func (s *Server) PID() int { return s.process.Pid }

// Major is the server's major version, such as 17.
func (s *Server) Major() int { return s.binaries.major }

// Home is the directory that holds the data and the server's log: Options.Dir, unless root could not keep it there.
func (s *Server) Home() string { return s.home }

// Done is closed when the server's process has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.ended }

// Close shuts the server down, dropping its connections, and frees the directory. It returns when the process is gone,
// after at most twice Options.StopTimeout and a little; calls after the first return what the first returned. It
// reports an error when the server had to be stopped the hard way: then the next Start recovers from the log.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.closeErr = s.stop()
		removeSocketDir(s.socketDir)
		s.unlock()
	})
	return s.closeErr
}

// stop ends the process: by a fast shutdown, by an immediate one, at last by force.
func (s *Server) stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		// The only failure is a process that is gone, which the wait below sees.
		_ = s.process.Signal(signal)
		timer := time.NewTimer(s.opts.StopTimeout)
		select {
		case <-s.ended:
			timer.Stop()
			if signal == syscall.SIGINT {
				return nil
			}
			return fmt.Errorf("pglocal: the server did not shut down within %s and was stopped at once", s.opts.StopTimeout)
		case <-timer.C:
		}
	}
	_ = s.process.Kill()
	<-s.ended
	return fmt.Errorf("pglocal: the server did not shut down within %s and was killed", 2*s.opts.StopTimeout)
}

// maxLog is the size at which a start puts the log aside as server.log.1, in bytes.
const maxLog = 8 << 20

func openLog(home string, who account) (*os.File, error) {
	path := filepath.Join(home, "server.log")
	if info, err := os.Lstat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	log, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := who.give(path); err != nil {
		log.Close()
		return nil, err
	}
	return log, nil
}

// maxTail is how much of the log an error repeats, in bytes: enough for the reason and its hints.
const maxTail = 2 << 10

// tail returns the end of what was logged since begin, as the rest of a sentence.
func tail(log *os.File, begin int64) string {
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil || end <= begin {
		return ""
	}
	begin = max(begin, end-maxTail)
	text := make([]byte, end-begin)
	n, _ := log.ReadAt(text, begin)
	return "; its log in " + log.Name() + " ends:\n" + strings.TrimSpace(string(text[:n]))
}
