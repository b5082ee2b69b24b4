package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// read turns what a source has, text or a YAML value, into the setting's type.
func (k known) read(raw any) (any, error) {
	isText := k.kind.Kind() == reflect.String
	switch v := raw.(type) {
	case string:
		return parseValue(k.kind, v)
	case []any:
		if k.kind != reflect.TypeFor[[]string]() {
			return nil, errors.New("takes one value, not a list")
		}
		list := make([]string, 0, len(v))
		for _, element := range v {
			text, ok := element.(string)
			if !ok {
				return nil, errors.New("takes a list of texts: put its entries in quotes")
			}
			list = append(list, strings.TrimSpace(text))
		}
		return list, nil
	case map[string]any:
		return nil, errors.New("takes a value and holds no further settings")
	}
	if isText {
		// YAML has already read 0123 as a number: the text is lost.
		return nil, errors.New("takes a text: put the value in quotes")
	}
	return parseValue(k.kind, fmt.Sprint(raw))
}

// show is the value as a complaint repeats it: not at all when it is secret or was not text.
func (k known) show(raw any) string {
	text, ok := raw.(string)
	if !ok || k.kind == reflect.TypeFor[Secret]() || strings.Contains(text, "@") {
		return ""
	}
	return " " + quoteShort(text)
}

// check judges one value by the tags of its setting.
func (k known) check(value any) error {
	if err := k.checkWords(value); err != nil {
		return err
	}
	if err := k.checkBounds(value); err != nil {
		return err
	}
	if k.format != "" {
		return formats[k.format](value)
	}
	return nil
}

func (k known) checkWords(value any) error {
	if k.oneof == nil {
		return nil
	}
	entries, isList := value.([]string)
	if !isList {
		entries = []string{fmt.Sprint(value)}
	} else if len(entries) == 0 {
		return fmt.Errorf("is empty; it takes some of %s", strings.Join(k.oneof, ", "))
	}
	for i, entry := range entries {
		if !slices.Contains(k.oneof, entry) {
			if isList {
				return fmt.Errorf("holds %s; it takes some of %s", quoteShort(entry), strings.Join(k.oneof, ", "))
			}
			return fmt.Errorf("is not one of %s", strings.Join(k.oneof, ", "))
		}
		if slices.Contains(entries[:i], entry) {
			return fmt.Errorf("holds %s twice", quoteShort(entry))
		}
	}
	return nil
}

func (k known) checkBounds(value any) error {
	if secret, ok := value.(Secret); ok {
		if least, err := strconv.Atoi(k.min); err == nil && secret != "" && len(secret) < least {
			return fmt.Errorf("is shorter than %d characters", least)
		}
		return nil
	}
	if k.min != "" && compareNumbers(value, k.bound(k.min)) < 0 {
		return fmt.Errorf("is below %s", k.min)
	}
	if k.max != "" && compareNumbers(value, k.bound(k.max)) > 0 {
		return fmt.Errorf("is above %s", k.max)
	}
	return nil
}

// bound parses a tag's bound; one that does not parse is a bug that the table's test finds.
func (k known) bound(text string) any {
	value, err := parseValue(k.kind, text)
	if err != nil {
		panic("settings: bound of " + k.name + " " + err.Error())
	}
	return value
}

// compareNumbers compares two values of the same numeric type as a - b would.
func compareNumbers(a, b any) int {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.CanFloat() {
		return compare(x.Float(), y.Float())
	}
	return compare(x.Int(), y.Int())
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// formats are the checks that the tag format names.
var formats = map[string]func(value any) error{
	"address":         func(value any) error { return checkAddress(value.(string)) },
	"loopbackAddress": func(value any) error { return checkLoopbackAddress(value.(string)) },
	"origins":         func(value any) error { return checkOrigins(value.([]string)) },
	"httpURLs":        func(value any) error { return checkHTTPURLs(value.([]string)) },
	"token":           func(value any) error { return checkToken(value.(string)) },
	"hosts":           func(value any) error { return checkHosts(value.([]string)) },
	"postgresURL":     func(value any) error { return checkPostgresURL(value.(Secret).Reveal()) },
	"redisURL":        func(value any) error { return checkURL(value.(Secret).Reveal(), "redis", "rediss", "unix") },
	"httpURL":         func(value any) error { return checkURL(value.(string), "http", "https") },
}

func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("is not host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("has no port between 0 and 65535")
	}
	return nil
}

func checkLoopbackAddress(text string) error {
	if text == "" {
		return nil
	}
	if err := checkAddress(text); err != nil {
		return err
	}
	if !isLoopback(text) {
		return errors.New("is not a loopback address")
	}
	return nil
}

// isLoopback says whether a host:port can only be reached from this machine.
// Names other than localhost count as reachable: what they resolve to may change.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func checkOrigins(origins []string) error {
	for _, origin := range origins {
		if origin == "*" {
			if len(origins) > 1 {
				return errors.New(`holds "*" beside other origins`)
			}
			continue
		}
		// RFC 6454 section 6.2: a scheme, a host and a port, and nothing after them.
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Scheme+"://"+u.Host != origin {
			return fmt.Errorf("holds %s, which is not an origin such as https://app.example.com", quoteShort(origin))
		}
	}
	return nil
}

func checkHTTPURLs(urls []string) error {
	for i, text := range urls {
		if err := checkURL(text, "http", "https"); err != nil {
			return fmt.Errorf("holds something that %w", err)
		}
		if u, err := url.Parse(text); err != nil || u.User != nil {
			return errors.New("holds a URL with a name or a password; secrets have settings of their own")
		}
		if text == "" || slices.Contains(urls[:i], text) {
			return errors.New("holds a URL twice, or none")
		}
	}
	return nil
}

// checkToken takes the words that HTTP has for methods and fields (RFC 9110 section 5.6.2), and none at all.
func checkToken(text string) error {
	if strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) >= 0 {
		return errors.New("is not a word of HTTP")
	}
	return nil
}

func checkHosts(hosts []string) error {
	for _, host := range hosts {
		if host == "*" {
			if len(hosts) > 1 {
				return errors.New(`holds "*" beside other names`)
			}
			continue
		}
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || u.Port() != "" || host == "" || strings.ContainsAny(host, ":[*") {
			return fmt.Errorf("holds %s, which is not a host name such as api.example.com, without a port", quoteShort(host))
		}
	}
	return nil
}

// hostsOf are the names that a server answers for; none is any. One that anybody on this machine may use, and nobody else, is not for pages of strangers that have their
// own name lead to it. Whoever sets auth.mode=none wants it open.
func hostsOf(settings Settings) []string {
	switch hosts := settings.HTTP.Hosts; {
	case len(hosts) == 1 && hosts[0] == "*":
		return nil
	case len(hosts) > 0:
		names := make([]string, len(hosts))
		for i, host := range hosts {
			names[i] = strings.ToLower(host)
		}
		return names
	case settings.Auth.RootKey == "" && settings.Auth.Mode == "key":
		return []string{"localhost"}
	}
	return nil
}

// checkPostgresURL takes both forms of libpq, a URL and key=value words; the driver reads them in full later.
func checkPostgresURL(text string) error {
	if text == "" {
		return nil
	}
	if strings.Contains(text, "://") {
		return checkURL(text, "postgres", "postgresql")
	}
	if !strings.Contains(text, "=") {
		return errors.New("is not a connection string such as postgres://user@host/database")
	}
	return nil
}

// checkURL keeps the parser's error to itself: it repeats the URL, and with it a password.
func checkURL(text string, schemes ...string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("is not a URL (a password with special characters has to be percent-encoded)")
	}
	if !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("is not a URL that begins with %s://", strings.Join(schemes, ":// or "))
	}
	if schemes[0] == "http" && u.Host == "" {
		return errors.New("is a URL without a host")
	}
	return nil
}

// checkTogether finds values that are right alone and wrong together.
func checkTogether(l loaded) []string {
	var found []string
	if l.Auth.Mode == "none" && l.Auth.RootKey != "" {
		found = append(found, l.at("auth.mode")+" is none, and "+l.at("auth.rootKey")+" is set: only one can hold")
	}
	if l.Purge.Token != "" && l.Purge.TokenHeader == "" {
		found = append(found, l.at("purge.token")+" is set without purge.tokenHeader")
	}
	if l.Postgres.DirectURL != "" && l.Postgres.URL == "" {
		found = append(found, l.at("postgres.directUrl")+" is set without postgres.url")
	}
	if l.Postgres.Writers > l.Postgres.MaxConns {
		found = append(found, l.at("postgres.writers")+" is above postgres.maxConns: each transaction has a connection")
	}
	return found
}

// checkExposure is the rule for everything that listens: nobody beyond this
// machine is served without a key, unless that was asked for in so many words.
func checkExposure(l loaded) []string {
	if isLoopback(l.HTTP.Addr) || l.Auth.RootKey != "" || l.Auth.Mode == "none" {
		return nil
	}
	return []string{fmt.Sprintf("%s %s is reachable from other machines: set auth.rootKey (SHEAF_AUTH_ROOT_KEY), or auth.mode=none to serve everybody",
		l.at("http.addr"), quoteShort(l.HTTP.Addr))}
}

// checkDatabase is the rule for commands that cannot start a database themselves.
func checkDatabase(l loaded) []string {
	if l.Postgres.URL != "" {
		return nil
	}
	return []string{"postgres.url is not set: give --postgres-url or SHEAF_POSTGRES_URL (sheaf dev needs none)"}
}

// directURL is the connection string past a pooler.
func (p PostgresSettings) directURL() Secret {
	if p.DirectURL != "" {
		return p.DirectURL
	}
	return p.URL
}
