package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
)

// hosted refuses requests for other hosts, where a setting says which ones are ours. A page of a stranger that a browser shows can have its own name lead to this machine
// (DNS rebinding), and then it may send requests here as if they were to itself: they come under that name. An address cannot be led elsewhere.
func (s *Server) hosted(next http.Handler) http.Handler {
	if len(s.Hosts) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.answersFor(r.Host) {
			s.fail(w, r, misdirected(r))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answersFor says whether a value of the header Host names this server. Browsers always send one.
func (s *Server) answersFor(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "" {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return slices.Contains(s.Hosts, strings.TrimSuffix(strings.ToLower(host), "."))
}

func misdirected(r *http.Request) error {
	return &edgeError{fault: fault.New(fault.Malformed, "request.host", "this server does not answer for %s", shortened(r.Host)), kind: misdirectedKind}
}
