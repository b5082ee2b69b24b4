package pgtest

import "testing"

// What a server acknowledges its standby has, and goes on from there under the same name.
func TestServer_Standby(t *testing.T) {
	t.Parallel()
	server := Server(t, fast)
	mustQuery(t, server.URL(), "CREATE TABLE kept (n int PRIMARY KEY)")
	standby := server.Standby()
	either := server.With(standby)
	mustQuery(t, either, "INSERT INTO kept VALUES (1)")
	if err := query(t.Context(), standby.URL(), "INSERT INTO kept VALUES (2)"); err == nil {
		t.Error("a standby takes writes")
	}
	server.Kill()
	standby.Promote()
	if err := query(t.Context(), either, "INSERT INTO kept VALUES (1)"); err == nil {
		t.Error("what was acknowledged is lost")
	}
	mustQuery(t, either, "INSERT INTO kept VALUES (2)")
}
