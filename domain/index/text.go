package index

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Text is the entry of a document in a text index.
type Text struct {
	Index    int32
	Language string
	// Weighted are the texts of the fields with weight A, B, C and D, in this order.
	Weighted [4]string
}

// Limits of a text.
const (
	// TextBytes bounds what counts of a document, in bytes: what PostgreSQL makes of it has to stay below 1 MiB, and hostile text grows to four times its length.
	// Behind the first 16,383 words it keeps no positions, so that little would be gained by more.
	TextBytes = 128 << 10
	// wordBytes is after how many bytes without a space one is put in: PostgreSQL's parser takes quadratic time for what may be one word.
	wordBytes = 256
)

// DefaultLanguage takes words as they are, in lower case.
const DefaultLanguage = "simple"

// languages are the configurations that PostgreSQL 15 has built in.
var languages = strings.Fields(`arabic armenian basque catalan danish dutch english finnish french german greek hindi hungarian indonesian irish italian
	lithuanian nepali norwegian portuguese romanian russian serbian simple spanish swedish tamil turkish yiddish`)

// weightNames are the weights from the highest to that of a field for which none is given.
const weightNames = "ABCD"

// parseTextField reads a field of a text index: a path, or doc for the whole document.
func parseTextField(s string) (Field, error) {
	if strings.TrimSpace(s) == "doc" {
		return Field{}, nil
	}
	f, err := parseField(s)
	if err == nil && (f.Column != "" || f.Desc) {
		err = fault.New(fault.Invalid, "path.invalid", "is not a path like doc.title, which is what a text index has")
	}
	return f, err
}

func (p *parsing) language(pointer string, value any) {
	s, ok := is[string](p, pointer, value, "a string")
	if !ok {
		return
	}
	if !slices.Contains(languages, s) {
		message := "must be one of " + strings.Join(languages, ", ")
		if near := ident.Nearest(s, languages); near != "" {
			message = fmt.Sprintf("is not a language that is known; did you mean %q?", near)
		}
		p.fail(pointer, "enum", message)
	}
	p.index.Language = s
}

// weights comes after the fields, because of the order of names.
func (p *parsing) weights(pointer string, value any) {
	object, ok := is[map[string]any](p, pointer, value, "an object of fields and their weights")
	if !ok {
		return
	}
	given := map[string]byte{}
	for _, key := range sortedKeys(object) {
		at := jsontext.AppendPointer(pointer, key)
		f, err := parseTextField(key)
		weight, isText := object[key].(string)
		switch {
		case err != nil || !slices.ContainsFunc(p.index.Fields, func(g Field) bool { return f.String() == g.String() }):
			p.fail(at, "unknownField", "is not a field of the index")
		case !isText || len(weight) != 1 || !strings.Contains(weightNames, weight):
			p.fail(at, "enum", `must be "A", "B", "C" or "D"`)
		default:
			given[f.String()] = weight[0]
		}
	}
	for _, f := range p.index.Fields {
		weight, found := given[f.String()]
		if !found {
			weight = weightNames[len(weightNames)-1]
		}
		p.index.Weights = append(p.index.Weights, weight)
	}
}

// finish judges what depends on the kind of the index.
func (p *parsing) finish(declared map[string]any) {
	refuse := func(key string, set bool, kind Kind) {
		if set {
			p.fail("/"+key, "kind", fmt.Sprintf("is not for an index of kind %q", kind))
		}
	}
	if p.index.Kind == Words {
		refuse("unique", p.index.Unique, Words)
		refuse("caseInsensitive", p.index.CaseInsensitive, Words)
		if p.index.Weights == nil {
			p.weights("/weights", map[string]any{})
		}
		return
	}
	for _, key := range []string{"language", "weights"} {
		_, given := declared[key]
		refuse(key, given, Ordered)
	}
}

// weightTree returns the weights as they are declared, without those that need not be.
func (x *Index) weightTree() map[string]any {
	tree := map[string]any{}
	for i, weight := range x.Weights {
		if weight != weightNames[len(weightNames)-1] {
			tree[x.Fields[i].String()] = string(rune(weight))
		}
	}
	return tree
}

// texts returns the entry of a document, none where its fields have no text.
func (k Kept) texts(d source) []Text {
	t := Text{Index: k.ID, Language: k.Language}
	var parts [len(t.Weighted)]text
	room := TextBytes
	for i, f := range k.Fields {
		part := &parts[strings.IndexByte(weightNames, k.Weights[i])]
		part.room = &room
		v, _ := f.Path.Find(d.tree)
		if !f.Each {
			part.addAll(v)
			continue
		}
		list, _ := v.([]any)
		for _, element := range list {
			v, _ := f.Rest.Find(element)
			part.addAll(v)
		}
	}
	for i := range parts {
		t.Weighted[i] = parts[i].String()
	}
	if t.Size() == 0 {
		return nil
	}
	return []Text{t}
}

// text is a text of bounded size.
type text struct {
	strings.Builder
	room *int // in bytes; texts share it
}

// addAll adds every string in a value, one in a line.
func (t *text) addAll(v any) {
	switch v := v.(type) {
	case string:
		t.add(v)
	case []any:
		for _, element := range v {
			t.addAll(element)
		}
	case map[string]any:
		for _, name := range sortedKeys(v) {
			t.addAll(v[name])
		}
	}
}

func (t *text) add(s string) {
	if s != "" && t.Len() > 0 {
		t.put("\n")
	}
	run := 0
	for len(s) > 0 && *t.room > 0 {
		_, size := utf8.DecodeRuneInString(s)
		switch {
		case s[0] <= ' ':
			run = 0
		case run+size > wordBytes:
			run = 0
			t.put(" ")
		}
		run += size
		t.put(s[:size])
		s = s[size:]
	}
}

// put adds a character when there is room.
func (t *text) put(s string) {
	if *t.room -= len(s); *t.room >= 0 {
		t.WriteString(s)
	}
}

// Size is how many bytes the texts have.
func (t Text) Size() int {
	n := 0
	for _, text := range t.Weighted {
		n += len(text)
	}
	return n
}

func diffTexts(before, after []Text) (gone, come []Text) {
	of := func(list []Text, index int32) (Text, bool) {
		i := slices.IndexFunc(list, func(t Text) bool { return t.Index == index })
		if i < 0 {
			return Text{}, false
		}
		return list[i], true
	}
	for _, t := range before {
		if _, stays := of(after, t.Index); !stays {
			gone = append(gone, t)
		}
	}
	for _, t := range after {
		if was, there := of(before, t.Index); !there || was != t {
			come = append(come, t)
		}
	}
	return gone, come
}
