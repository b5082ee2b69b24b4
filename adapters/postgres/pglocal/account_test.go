package pglocal

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func nobody(t *testing.T) int {
	t.Helper()
	found, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, err := strconv.Atoi(found.Uid)
	if err != nil || uid < 0 {
		t.Skipf("nobody has the id %s", found.Uid)
	}
	return uid
}

// mustOwn gives a folder to another user.
func mustOwn(t *testing.T, path string, uid int) {
	t.Helper()
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}

func TestStart_AsAnotherUser(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	needRoot(t)
	uid := nobody(t)
	home := filepath.Join(openDir(t), "private")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	mustOwn(t, home, uid)
	dir := filepath.Join(home, ".sheaf", "postgres")

	l := launch(t, request{Dir: dir}, uid)
	if l.Error != "" {
		t.Fatal(l.Error)
	}
	mustExec(t, l.URL, "CREATE TABLE kept (n int)")
	l.end()

	// Root steps into the owner's shoes, and leaves every file the owner's.
	s := mustStart(t, quick(dir))
	wantRows(t, s.URL(), 0)
	mustClose(t, s)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if owned, _, err := owner(path); err != nil || int(owned) != uid {
			t.Errorf("%s belongs to %d, %v; want %d", path, owned, err, uid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l = launch(t, request{Dir: dir}, uid)
	if l.Error != "" {
		t.Errorf("the owner after root: %s", l.Error)
	}
}

func TestStart_AnotherUsersData(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	needRoot(t)
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s := mustStart(t, quick(dir)) // owned by postgres or nobody
	mustClose(t, s)
	before := snapshot(t, filepath.Join(dir, dataName))
	l := launch(t, request{Dir: dir}, 54321) // neither
	if l.Error == "" {
		t.Fatal("a stranger started on another user's data")
	}
	if after := snapshot(t, filepath.Join(dir, dataName)); after != before {
		t.Error("the data changed")
	}
}

// A clone under a private home, used by root: the server's user cannot get there.
func TestStart_RootInPrivateFolder(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	needRoot(t)
	private := filepath.Join(openDir(t), "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(openDir(t), "moved")
	opts := quick(filepath.Join(private, "clone", ".sheaf", "postgres"))
	opts.moved = moved

	s := mustStart(t, opts)
	if !strings.HasPrefix(s.Home(), moved) {
		t.Fatalf("home = %s, want it under %s", s.Home(), moved)
	}
	mustExec(t, s.URL(), "CREATE TABLE kept (n int)")
	mustClose(t, s)
	pointer := filepath.Join(opts.Dir, pointerName)
	if told, err := os.ReadFile(pointer); err != nil || strings.TrimSpace(string(told)) != s.Home() {
		t.Errorf("%s says %q, %v; want %s", pointer, told, err, s.Home())
	}
	s = mustStart(t, opts)
	wantRows(t, s.URL(), 0)
	mustClose(t, s)

	// The project moves: its database must not be lost from sight, nor shared with a copy.
	elsewhere := opts
	elsewhere.Dir = filepath.Join(private, "copy", ".sheaf", "postgres")
	mustWrite(t, filepath.Join(elsewhere.Dir, pointerName), s.Home()+"\n")
	if _, err := Start(t.Context(), elsewhere); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), s.Home()) {
		t.Errorf("copied pointer: %v, want ErrForeign naming %s", err, s.Home())
	}
	// Data that is there and cannot be reached is not passed over either.
	stuck := opts
	stuck.Dir = filepath.Join(private, "stuck")
	mustWrite(t, filepath.Join(stuck.Dir, dataName, "PG_VERSION"), "15\n")
	if _, err := Start(t.Context(), stuck); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "chmod o+x") {
		t.Errorf("data out of reach: %v, want ErrForeign with what to do", err)
	}
}

func TestMakeMoved_RefusesForeignFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := openDir(t)
	who := account{uid: 54321, gid: 54321, drop: true}
	for name, spoil := range map[string]func(string) error{
		"another user's": func(dir string) error { return os.Chown(dir, 54321, 54321) },
		"open to all":    func(dir string) error { return os.Chmod(dir, 0o777) },
	} {
		dir := filepath.Join(root, name)
		if err := errors.Join(os.Mkdir(dir, 0o755), spoil(dir)); err != nil {
			t.Fatal(err)
		}
		if err := makeMoved(filepath.Join(dir, "abc", "postgres"), who); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v, want ErrForeign", name, err)
		}
	}
}

func TestAccount_Blocked(t *testing.T) {
	t.Parallel()
	root := openDir(t)
	inner := filepath.Join(root, "outer", "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	outer := filepath.Dir(inner)
	uid, gid, err := owner(outer)
	if err != nil {
		t.Fatal(err)
	}
	stranger := account{uid: uid + 54321, gid: gid + 54321, drop: true}
	member := account{uid: uid + 54321, gid: gid, drop: true}
	self := account{uid: uid, gid: gid, drop: true}
	for _, test := range []struct {
		mode                   os.FileMode
		stranger, member, self bool // blocked?
	}{
		{0o755, false, false, false},
		{0o750, true, false, false},
		{0o700, true, true, false},
		{0o071, false, false, true},
	} {
		if err := os.Chmod(outer, test.mode); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			who  account
			want bool
		}{"stranger": {stranger, test.stranger}, "member": {member, test.member}, "self": {self, test.self}} {
			if os.Geteuid() != 0 && test.self {
				continue // nor could this test look inside
			}
			got := c.who.blocked(inner)
			if (got != "") != c.want || got != "" && got != outer {
				t.Errorf("mode %o, %s: blocked at %q, want blocked: %v", test.mode, name, got, c.want)
			}
		}
	}
	if got := stranger.blocked(filepath.Join(root, "not", "yet")); got != "" {
		t.Errorf("a folder that does not exist blocks at %q", got)
	}
	if err := os.Chmod(outer, 0o755); err != nil {
		t.Fatal(err)
	}
}
