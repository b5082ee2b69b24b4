package collection

import (
	"maps"
	"slices"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

// Effect is what a change of a configuration means for those who use the collection.
type Effect uint8

// The effects, the gravest last.
const (
	// Compatible changes nothing for anybody: what was admitted still is, and what was answered still is.
	Compatible Effect = iota
	// AffectsReads may leave a query without its index, or have answers show less.
	AffectsReads
	// AffectsWrites may refuse what was admitted.
	AffectsWrites
)

// String returns the effect's name in the API.
func (e Effect) String() string {
	return [...]string{"compatible", "affectsReads", "affectsWrites"}[e]
}

// Consequence is one place of a configuration whose change has an effect.
type Consequence struct {
	// Pointer leads into the new configuration, or to where the old one had something.
	Pointer string
	Effect  Effect
	Message string
}

// Consequences compares two configurations, canonical, and returns what the change from one to the other means, in the order of the places. None says that it is Compatible.
// It goes by what is declared, and not by which documents there are: a place that is named may refuse something, and need not.
func Consequences(old, next []byte) ([]Consequence, error) {
	before, err := jsontext.Decode(old)
	if err != nil {
		return nil, err
	}
	after, err := jsontext.Decode(next)
	if err != nil {
		return nil, err
	}
	c := transition{before: before.(map[string]any), after: after.(map[string]any)}
	for _, member := range slices.Sorted(maps.Keys(either(c.before, c.after))) {
		if jsontext.Equal(c.before[member], c.after[member]) {
			continue
		}
		if judge, known := memberChanges[member]; known {
			judge(&c)
		} else {
			c.add("/"+member, AffectsWrites, "what is admitted is judged in another way")
		}
	}
	if closes := c.closes(); closes.Is && !closes.Was && jsontext.Equal(c.before["schema"], c.after["schema"]) {
		c.add("/unknownFields", AffectsWrites, "members that the schema does not name are refused, or dropped")
	}
	return c.found, nil
}

// Gravest returns the effect of a change with these consequences.
func Gravest(list []Consequence) Effect {
	worst := Compatible
	for _, c := range list {
		worst = max(worst, c.Effect)
	}
	return worst
}

type transition struct {
	before, after map[string]any
	found         []Consequence
}

func (c *transition) add(pointer string, e Effect, message string) {
	c.found = append(c.found, Consequence{pointer, e, message})
}

func either(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (c *transition) closes() schema.Closing {
	closed := func(config map[string]any) bool { return config["unknownFields"] != string(AllowUnknown) }
	return schema.Closing{Was: closed(c.before), Is: closed(c.after)}
}

// memberChanges judge members of a configuration that changed. A member that is not here may refuse something.
var memberChanges = map[string]func(*transition){
	"description": func(*transition) {},
	"cache":       func(*transition) {}, // how long answers may be kept
	"schema": func(c *transition) {
		of := func(config map[string]any) any {
			if s, declared := config["schema"]; declared {
				return s
			}
			return true
		}
		for _, d := range schema.Compare(of(c.before), of(c.after), c.closes()) {
			if d.Reads {
				c.add("/schema"+d.Pointer, AffectsReads, "answers do not show the member any more")
			} else {
				c.add("/schema"+d.Pointer, AffectsWrites, "may refuse what was admitted")
			}
		}
	},
	"unknownFields": func(c *transition) {
		if closes := c.closes(); closes.Was && closes.Is {
			c.add("/unknownFields", AffectsWrites, "other members are refused, or dropped")
		} // one way is looser, and the other is told beside the schema
	},
	"coerce": func(c *transition) {
		if c.after["coerce"] != true {
			c.add("/coerce", AffectsWrites, "values that were converted are refused")
		}
	},
	"defaults": func(c *transition) {
		if c.after["defaults"] == false {
			c.add("/defaults", AffectsWrites, "what is missing is not filled in, and may be required")
		}
	},
	"enforcement": func(c *transition) {
		if strictness(c.after) > strictness(c.before) {
			c.add("/enforcement", AffectsWrites, "faults that were let pass are refused")
		}
	},
	"concurrency": func(c *transition) {
		if c.after["concurrency"] == string(ConditionRequired) {
			c.add("/concurrency", AffectsWrites, "replacing, changing and deleting documents needs a condition")
		}
	},
	"rules": func(c *transition) { c.elements("rules", "code", "may refuse what was admitted", "") },
	"references": func(c *transition) {
		c.elements("references", "path", "may refuse what was admitted", "expand does not follow it any more")
	},
	"indexes": (*transition).indexes,
	"expiry": func(c *transition) {
		if c.after["expiry"] != nil {
			c.add("/expiry", AffectsWrites, "documents are there until another instant, and a time that cannot be read is refused")
		}
	},
	"id": func(c *transition) {
		if c.after["id"] != nil {
			c.add("/id", AffectsWrites, "ids are taken from the documents")
		}
	},
}

// strictness orders enforcements; one that is not written out is the strictest.
func strictness(config map[string]any) int {
	switch config["enforcement"] {
	case string(Report):
		return 0
	case string(Ratchet):
		return 1
	}
	return 2
}

// elements looks at a list of declarations with names: what is new or other, and what is gone; an empty message says that this is nobody's trouble.
func (c *transition) elements(member, name, added, gone string) {
	before, after := named(c.before[member], name), named(c.after[member], name)
	for _, one := range slices.Sorted(maps.Keys(after)) {
		if !jsontext.Equal(before[one], after[one]) {
			c.add("/"+member, AffectsWrites, one+" "+added)
		}
	}
	for _, one := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[one]; !stays && gone != "" {
			c.add("/"+member, AffectsReads, one+": "+gone)
		}
	}
}

// named returns the elements of a list by their names.
func named(list any, name string) map[string]any {
	all := map[string]any{}
	elements, _ := list.([]any)
	for _, element := range elements {
		object, _ := element.(map[string]any)
		text, _ := object[name].(string)
		all[text] = element
	}
	return all
}

func (c *transition) indexes() {
	before, after := named(c.before["indexes"], "name"), named(c.after["indexes"], "name")
	for _, name := range slices.Sorted(maps.Keys(after)) {
		declared, _ := after[name].(map[string]any)
		was, there := before[name]
		switch {
		case jsontext.Equal(was, declared):
		case declared["unique"] == true:
			c.add("/indexes", AffectsWrites, name+" refuses documents with equal values")
		case there:
			c.add("/indexes", AffectsReads, name+" is built anew: queries do without it until it is ready")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[name]; !stays {
			c.add("/indexes", AffectsReads, name+" is dropped: queries do without it")
		}
	}
}
