package schema

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// normalizer changes a text into the one that is stored. Whatever it makes it leaves alone afterwards.
type normalizer uint8

// What a normalizer does, in the order in which it does it, whatever the order in the schema: any other would not be final.
const (
	lowercase normalizer = 1 << iota
	uppercase
	nfc
	collapse
	trim
)

// normalizers are the words of x-normalize.
var normalizers = []struct {
	name string
	bit  normalizer
}{{"trim", trim}, {"collapse", collapse}, {"lowercase", lowercase}, {"uppercase", uppercase}, {"nfc", nfc}}

func (n normalizer) apply(s string) string {
	if n&lowercase != 0 {
		s = strings.ToLower(s)
	}
	if n&uppercase != 0 {
		s = strings.ToUpper(s)
	}
	if n&nfc != 0 {
		s = norm.NFC.String(s)
	}
	if n&collapse != 0 {
		s = strings.Join(strings.Fields(s), " ")
	}
	if n&trim != 0 {
		s = strings.TrimSpace(s)
	}
	return s
}

// readNormalize reads x-normalize: a word, or a list of them.
func readNormalize(c *compiler, n *node, p *place) {
	if c.shapeOnly {
		return
	}
	read := func(at *place) {
		name, ok := textAt(c, at)
		if !ok {
			return
		}
		words := make([]string, len(normalizers))
		for i, known := range normalizers {
			words[i] = known.name
			if known.name == name {
				n.normalize |= known.bit
				return
			}
		}
		c.fault(at, "enum", "is not a normalizer; there are "+strings.Join(words, ", "))
	}
	if items, ok := p.value.([]any); ok {
		for i := range items {
			read(p.element(i))
		}
	} else {
		read(p)
	}
	if n.normalize&(lowercase|uppercase) == lowercase|uppercase {
		c.fault(p, "x-normalize", "must not have both lowercase and uppercase")
	}
}
