package schema

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A second implementation, which passes the whole official suite, gives its verdict on random schemas and documents.
func TestVerdictsAgreeWithAnotherEngine(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	compiled, valid, invalid := 0, 0, 0
	for range 4000 {
		tree := randomSchema(random, 3)
		if root, ok := tree.(map[string]any); ok {
			root["$defs"] = map[string]any{"a": randomSchema(random, 2), "b": randomSchema(random, 1)}
		}
		text := mustEncode(t, tree)
		ours, err := Compile([]byte(text), DefaultLimits())
		if err != nil {
			continue // a circle, most of the time
		}
		compiled++
		theirs := theirSchema(t, text)
		for range 8 {
			doc := randomValue(random, 3)
			got, want := ours.Validate(doc), theirs.Validate(doc)
			if (got == nil) != (want == nil) {
				t.Fatalf("schema %s\ndocument %s\nours %v\ntheirs %v", text, mustEncode(t, doc), got, want)
			}
			if got == nil {
				valid++
			} else {
				invalid++
			}
		}
	}
	if compiled < 1000 || valid < 1000 || invalid < 1000 {
		t.Errorf("%d schemas, %d valid and %d invalid documents: too few to tell", compiled, valid, invalid)
	}
}

func theirSchema(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mem:///schema", decode(t, text)); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("mem:///schema")
	if err != nil {
		t.Fatalf("they refuse %s: %v", text, err)
	}
	return s
}

var smallNames = []string{"a", "b", "c"}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// randomSchema draws from every keyword with a say, over names and values few enough to meet.
func randomSchema(random *rand.Rand, depth int) any {
	switch random.IntN(12) {
	case 0:
		return true
	case 1:
		return false
	}
	s := map[string]any{}
	for range 1 + random.IntN(3) {
		addKeyword(random, s, depth)
	}
	return s
}

func addKeyword(random *rand.Rand, s map[string]any, depth int) {
	sub := func() any { return randomSchema(random, depth-1) }
	list := func() []any { return []any{sub(), sub()} }
	small := func() any { return json.Number(fmt.Sprint(random.IntN(3))) }
	byName := func() map[string]any {
		return map[string]any{pick(random, smallNames): sub(), pick(random, smallNames): sub()}
	}
	shallow := []func(){
		func() {
			s["type"] = pick(random, []string{"string", "integer", "number", "array", "object", "null", "boolean"})
		},
		func() { s["enum"] = []any{randomValue(random, 1), randomValue(random, 1), randomValue(random, 0)} },
		func() { s["const"] = randomValue(random, 1) },
		func() { s["minimum"] = randomNumber(random) },
		func() { s["exclusiveMaximum"] = randomNumber(random) },
		func() { s["multipleOf"] = json.Number(pick(random, []string{"0.5", "2", "0.1", "1e1"})) },
		func() { s["minLength"], s["maxLength"] = small(), small() },
		func() { s["pattern"] = pick(random, []string{"^a", "b$", "[ab]"}) },
		func() { s["minItems"] = small() },
		func() { s["maxItems"] = small() },
		func() { s["uniqueItems"] = true },
		func() { s["required"] = []any{pick(random, smallNames)} },
		func() { s["minProperties"] = small() },
		func() { s["maxProperties"] = small() },
		func() { s["dependentRequired"] = map[string]any{"a": []any{"b"}} },
		func() { s["$ref"] = pick(random, []string{"#/$defs/a", "#/$defs/b"}) },
		func() { s["unevaluatedProperties"] = false },
		func() { s["unevaluatedItems"] = false },
	}
	if depth <= 0 || random.IntN(3) == 0 {
		pick(random, shallow)()
		return
	}
	pick(random, []func(){
		func() { s["allOf"] = list() },
		func() { s["anyOf"] = list() },
		func() { s["oneOf"] = list() },
		func() { s["not"] = sub() },
		func() { s["if"], s["then"], s["else"] = sub(), sub(), sub() },
		func() { s["properties"] = byName() },
		func() { s["properties"] = byName() },
		func() { s["patternProperties"] = map[string]any{"^[ab]": sub()} },
		func() { s["additionalProperties"] = sub() },
		func() { s["propertyNames"] = sub() },
		func() { s["dependentSchemas"] = byName() },
		func() { s["prefixItems"] = list() },
		func() { s["items"] = sub() },
		func() { s["contains"] = sub() },
		func() { s["contains"], s["minContains"], s["maxContains"] = sub(), small(), small() },
		func() { s["unevaluatedProperties"] = sub() },
		func() { s["unevaluatedItems"] = sub() },
	})()
}

func randomNumber(random *rand.Rand) json.Number {
	return json.Number(pick(random, []string{"0", "1", "2", "-1", "1.0", "0.5", "1e1", "10", "0.30", "3e-1"}))
}

func randomValue(random *rand.Rand, depth int) any {
	kind := random.IntN(9)
	if depth <= 0 {
		kind = random.IntN(5)
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2, 3:
		return randomNumber(random)
	case 4:
		return pick(random, []string{"", "a", "b", "ab", "é"})
	case 5, 6:
		items := make([]any, random.IntN(4))
		for i := range items {
			items[i] = randomValue(random, depth-1)
		}
		return items
	}
	object := map[string]any{}
	for range random.IntN(4) {
		object[pick(random, smallNames)] = randomValue(random, depth-1)
	}
	return object
}

// Whatever the bytes, Compile answers, and what it admits answers for any document.
func FuzzCompile(f *testing.F) {
	for _, tt := range messageCases {
		f.Add(tt.schema, tt.doc)
	}
	f.Add(doubling(5), `{}`)
	f.Add(`{"$id":"urn:a","$dynamicAnchor":"n","items":{"$dynamicRef":"#n"}}`, `[[[]]]`)
	lim := DefaultLimits()
	lim.Work = 100_000
	f.Fuzz(func(t *testing.T, schema, doc string) {
		s, err := Compile([]byte(schema), lim)
		if err != nil || !json.Valid([]byte(doc)) {
			return
		}
		v := decode(t, doc)
		if a, b := fmt.Sprint(s.Validate(v)), fmt.Sprint(s.Validate(v)); a != b {
			t.Errorf("first %s, then %s", a, b)
		}
		left, _, faults := s.Strip(v)
		if faults == nil && s.Unknown(left) != nil {
			t.Errorf("unknown members are left in %s", mustEncode(t, left))
		}
	})
}
