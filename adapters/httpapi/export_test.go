package httpapi

import "github.com/sheafdb/sheaf/domain/fault"

// ProblemTypes returns the slug of every type of problem with its status.
func ProblemTypes() map[string]int {
	all := map[string]int{}
	for _, kind := range edgeKinds {
		all[kind.slug] = kind.status
	}
	for _, kind := range kinds {
		all[kind.slug] = kind.status
	}
	return all
}

// StatusOf returns the status that a kind of failure is answered with, 0 where nobody thought of it.
func StatusOf(kind fault.Kind) int { return kinds[kind].status }
