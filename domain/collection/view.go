package collection

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// View returns the configuration as an answer shows it: Configuration, with what has become of the indexes in their declarations.
// Indexes that are being deleted stand behind those that are declared. Parse reads it as it reads the configuration.
func (s Stored) View() []byte {
	if len(s.Indexes) == 0 {
		return s.Configuration
	}
	state := func(name string) (index.Stored, bool) {
		at := slices.IndexFunc(s.Indexes, func(x index.Stored) bool { return x.Name == name && x.State != index.Deleting })
		if at < 0 {
			return index.Stored{}, false
		}
		return s.Indexes[at], true
	}
	tree, err := jsontext.Decode(s.Configuration)
	config, ok := tree.(map[string]any)
	if err != nil || !ok {
		return s.Configuration // only where somebody else wrote the row; Compile says so
	}
	declared, _ := config["indexes"].([]any)
	var list []any
	for _, element := range declared {
		object, _ := element.(map[string]any)
		name, _ := object["name"].(string)
		if x, found := state(name); found {
			element = viewOf(x, object)
		}
		list = append(list, element)
	}
	for _, x := range s.Indexes {
		if x.State != index.Deleting || index.Implied(x.Name) {
			continue
		}
		tree, err := jsontext.Decode(x.Spec)
		if object, ok := tree.(map[string]any); err == nil && ok {
			list = append(list, viewOf(x, object))
		}
	}
	if list != nil {
		config["indexes"] = list
	}
	if expiry, ok := config["expiry"].(map[string]any); ok {
		if x, found := state(index.ExpiryName); found {
			config["expiry"] = viewOf(x, expiry)
		}
	}
	references, _ := config["references"].([]any)
	for i, element := range references {
		object, _ := element.(map[string]any)
		path, _ := object["path"].(string)
		if x, found := state(index.ReferenceName(path)); found {
			references[i] = viewOf(x, object)
		}
	}
	return jsontext.Append(nil, config)
}

// References returns what the configuration declares.
// It fails with fault.Internal when this version cannot read it.
func (s Stored) References() ([]Reference, error) {
	config, err := parseMembers(s.Configuration, "references")
	return config.References, err
}

// parseMembers reads some members of the canonical text of a configuration.
func parseMembers(configuration []byte, names ...string) (Configuration, error) {
	tree, err := jsontext.Decode(configuration)
	if err != nil {
		return Configuration{}, err
	}
	object, _ := tree.(map[string]any)
	var p parsing
	for _, name := range names {
		if value, given := object[name]; given {
			members[name](&p, "/"+name, value)
		}
	}
	if len(p.faults) > 0 {
		return Configuration{}, fault.New(fault.Internal, "internal", "a stored configuration cannot be read: %s %s", p.faults[0].Pointer, p.faults[0].Message)
	}
	return p.config, nil
}

// Declared returns the indexes that the canonical text of a configuration declares, and behind them those that the rest of it amounts to.
// It fails with fault.Internal when this version cannot read it.
func Declared(configuration []byte) ([]index.Declaration, error) {
	declared, err := index.Declared(configuration)
	if err != nil {
		return nil, err
	}
	config, err := parseMembers(configuration, "expiry", "references")
	if err != nil {
		return nil, err
	}
	for _, x := range config.implied() {
		declared = append(declared, index.Declaration{Name: x.Name, Spec: x.Spec()})
	}
	return declared, nil
}

// Declaring returns the collection as it would be with another configuration: its indexes are kept, dropped and made as index.PlanChange says.
func (s Stored) Declaring(configuration []byte) (Stored, error) {
	declared, err := Declared(configuration)
	if err != nil {
		return s, err
	}
	plan := index.PlanChange(declared, s.Indexes)
	next := s
	next.Configuration, next.Indexes = configuration, slices.Clone(s.Indexes)
	for i := range next.Indexes {
		if slices.ContainsFunc(plan.Drop, func(x index.Stored) bool { return x.ID == next.Indexes[i].ID }) {
			next.Indexes[i].State = index.Deleting
		}
	}
	for _, d := range plan.Create {
		next.Indexes = append(next.Indexes, index.Stored{Name: d.Name, Spec: d.Spec, State: index.Building})
	}
	return next, nil
}

func viewOf(x index.Stored, declaration map[string]any) map[string]any {
	declaration["state"] = x.State.String()
	if x.State == index.Building {
		declaration["progress"] = map[string]any{"done": number(x.Done), "total": number(x.Total)}
	}
	if f := x.Failure; f != nil {
		failure := map[string]any{"code": f.Code, "message": f.Message}
		var duplicates []any
		for _, d := range f.Duplicates {
			duplicates = append(duplicates, map[string]any{"id": d.ID, "other": d.Other})
		}
		if duplicates != nil {
			failure["duplicates"] = duplicates
		}
		declaration["failure"] = failure
	}
	return declaration
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
