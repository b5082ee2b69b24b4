package memory_test

import (
	"fmt"
	"testing"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/porttest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	// It would take PostgreSQL's dictionaries to find the same words.
	porttest.Store(t, func(testing.TB) ports.Store { return memory.New() }, porttest.Without(porttest.Text))
}

// The model has to agree with itself, or what it says about others is worth nothing.
func TestStore_Agree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			porttest.Agree(t, memory.New(), memory.New(), seed)
		})
	}
}

// Every way in has the same verdict.
func TestWays(t *testing.T) {
	t.Parallel()
	for part := range uint64(4) {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			porttest.Ways(t, memory.New(), func(yield func(uint64) bool) {
				for seed := range uint64(400) {
					if !yield(part*400 + seed) {
						return
					}
				}
			})
		})
	}
}
