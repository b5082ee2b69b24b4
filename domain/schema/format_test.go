package schema

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string]struct{ valid, invalid []string }{
		"date-time": {
			[]string{"2024-02-29T23:59:59Z", "1990-12-31t23:59:60z", "1990-12-31T15:59:60.5-08:00", "2024-01-01T00:00:00.123456789+05:30"},
			[]string{"", "2024-02-30T00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "1990-12-31T12:59:60Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00Z\n", "২024-01-01T00:00:00Z"},
		},
		"date":     {[]string{"2000-02-29", "0000-01-01"}, []string{"1900-02-29", "2024-13-01", "2024-00-10", "2024-1-1", "2024-01-00", "20240101", "2024-04-31"}},
		"time":     {[]string{"00:00:00Z", "23:59:60Z", "01:29:60+01:30", "22:59:60-01:00"}, []string{"00:00:00", "24:00:00Z", "23:59:60+00:01", "0:00:00Z", "00:00:00+24:00", "00:00:00.Z"}},
		"duration": {[]string{"P1Y2M3DT4H5M6S", "P4W", "PT0S", "P1Y", "P1Y3D"}, []string{"P", "PT", "P1", "1Y", "P1D2Y", "P1YT", "P1W2D", "PT1D", "P-1D", "P1.5D", "P1D1D"}},
		"email": {
			[]string{"a@example.org", "a.b+c@x-y.example", `"a b"@example.org`, `"a\"b"@example.org`, "a@[192.0.2.1]", "a@[IPv6:::1]", "te~st@example.com", "a@localhost"},
			[]string{"", "a", "@example.org", "a@", ".a@example.org", "a.@example.org", "a..b@example.org", "a@b@c", "a b@example.org", "a@-x.example", "a@[300.0.0.1]", "a@[::1", "ä@example.org", `"a@example.org`, "a@b..c", strings.Repeat("a", 65) + "@example.org"},
		},
		"idn-email":     {[]string{"用户@例え.jp", "a@example.org"}, []string{"用户", "用 户@例え.jp"}},
		"hostname":      {[]string{"a", "example.org", "1.2.example", "xn--4gbwdl.xn--wgbh1c"}, []string{"", ".", "a.", ".a", "-a", "a-", "a_b", "a..b", "ü.example", "xn--X", "ab--cd", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"}},
		"idn-hostname":  {[]string{"例え.jp", "example.org", "실례.테스트", "l·l"}, []string{"", "〮x", "-a", "a·l", "example."}},
		"ipv4":          {[]string{"192.0.2.1", "0.0.0.0"}, []string{"256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4.5", "0x7f.1.1.1", "1.2.3.4/24", "::1"}},
		"ipv6":          {[]string{"::", "::1", "2001:db8::192.0.2.1", "1:2:3:4:5:6:7:8"}, []string{"1::2::3", ":1", "12345::", "fe80::1%eth0", "1.2.3.4", "1:2:3:4:5:6:7", "::1/64"}},
		"uri":           {[]string{"http://example.org/a?b#c", "urn:isbn:1", "mailto:a@b", "http://[::1]:80/", "a:", "http://u:p@h:1/%20"}, []string{"", "//x", "/a", "http://a b", "http://a/%zz", "http://[::1", "1a:b", "http://h:port", "http://ü", `http://a\b`, "http://a/<b>", ":a"}},
		"uri-reference": {[]string{"", "a", "/a", "//h/p", "?q", "#f", "./a:b"}, []string{"a b", "1:b", "#a#b", `\`}},
		"iri":           {[]string{"http://ü.example/ö?ä#ß"}, []string{"ö", "http://[2001:db8::1", "http://a b"}},
		"iri-reference": {[]string{"ö", "//ü/ö"}, []string{"ö b", `\ö`}},
		"uri-template":  {[]string{"", "/a/{b}{?c,d*}{#e:3}", "{+x.y}"}, []string{"{", "}", "{}", "{a", "a}", "{a:0}", "{a b}", "{{a}}"}},
		"uuid":          {[]string{"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"}, []string{"", "f81d4fae7dec11d0a76500a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6"}},
		"json-pointer":  {[]string{"", "/", "/a~0b/~1"}, []string{"a", "/~", "/~2", "#/a"}},
		"relative-json-pointer": {
			[]string{"0", "1/a", "0#"}, []string{"", "/a", "01/a", "-1", "0##", "1a"},
		},
		"regex": {[]string{"", `^(?=a)(b)\1$`, `a{2000}`, `\p{L}`}, []string{"(", `\Z`, "a**", "[z-a]"}},
	} {
		f := formats[name]
		if f == nil {
			t.Errorf("no format %s", name)
			continue
		}
		for _, text := range texts.valid {
			if !f.valid(text) {
				t.Errorf("%s: %q is valid", name, text)
			}
		}
		for _, text := range texts.invalid {
			if f.valid(text) {
				t.Errorf("%s: %q is not valid", name, text)
			}
		}
	}
}

func TestFormatsLeaveOtherTypesAlone(t *testing.T) {
	t.Parallel()
	for name := range formats {
		for _, doc := range []string{`1`, `null`, `[]`, `{}`, `true`} {
			if got := mustCompile(t, `{"format":"`+name+`"}`).Validate(decode(t, doc)); got != nil {
				t.Errorf("%s of %s: %v", name, doc, got)
			}
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, seed := range []string{"2024-02-29T23:59:60Z", "a@[IPv6:::1]", "http://[v1.a]:80/%20?q#f", "{+a:3}", "P1YT2S", "xn--4gbwdl", "1/~01", `"\"`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for _, format := range formats {
			format.valid(text)
		}
	})
}
