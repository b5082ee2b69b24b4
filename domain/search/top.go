package search

import (
	"container/heap"
	"slices"
)

// Top keeps the first of what it is offered: those that come first in an order, or last when it goes back. It is how a list is sorted where no index does it:
// of any number of documents only as many are kept as a page has.
type Top[T any] struct {
	limit int
	back  bool
	kept  topHeap[T]
}

// ranked is something with its place.
type ranked[T any] struct {
	at   Position
	item T
}

// NewTop returns a Top that keeps limit items; back keeps the last ones.
func NewTop[T any](limit int, back bool) *Top[T] {
	return &Top[T]{limit: limit, back: back, kept: topHeap[T]{back: back}}
}

// Offer keeps an item when it is among the first so far.
func (t *Top[T]) Offer(at Position, item T) {
	switch {
	case len(t.kept.items) < t.limit:
		heap.Push(&t.kept, ranked[T]{at, item})
	case t.kept.before(at, t.kept.items[0].at):
		t.kept.items[0] = ranked[T]{at, item}
		heap.Fix(&t.kept, 0)
	}
}

// Items returns what was kept, in its order. It is called once.
func (t *Top[T]) Items() []T {
	slices.SortFunc(t.kept.items, func(a, b ranked[T]) int {
		if t.back {
			return b.at.Compare(a.at)
		}
		return a.at.Compare(b.at)
	})
	items := make([]T, len(t.kept.items))
	for i, r := range t.kept.items {
		items[i] = r.item
	}
	return items
}

// topHeap has the one that comes last at its root.
type topHeap[T any] struct {
	items []ranked[T]
	back  bool
}

func (h *topHeap[T]) before(a, b Position) bool {
	if h.back {
		return b.Compare(a) < 0
	}
	return a.Compare(b) < 0
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (h *topHeap[T]) Len() int           { return len(h.items) }
func (h *topHeap[T]) Less(i, j int) bool { return h.before(h.items[j].at, h.items[i].at) }
func (h *topHeap[T]) Swap(i, j int)      { h.items[i], h.items[j] = h.items[j], h.items[i] }
func (h *topHeap[T]) Push(x any)         { h.items = append(h.items, x.(ranked[T])) }
func (h *topHeap[T]) Pop() any {
	last := h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	return last
}
