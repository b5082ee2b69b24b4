package app

import (
	"sync"
	"weak"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
)

// prepared is what the texts of a list come to in one collection. It is immutable.
type prepared struct {
	query  search.Query
	fields search.Fields
	plans  []search.Plan
	// list is what page tokens are bound to. The text of the filter stands for it: a token of another one leads elsewhere.
	list string
}

// preparedKey names what is prepared: the texts, and the collection as it was compiled, which it does not keep alive.
type preparedKey struct {
	collection            weak.Pointer[collection.Collection]
	filter, order, fields string
}

func (k preparedKey) size() int { return len(k.filter) + len(k.order) + len(k.fields) + preparedBytes }

const (
	// preparedBytes is what one list counts for beside its texts.
	preparedBytes = 64
	// keptTexts bounds a generation of prepared lists, by the size of their texts. What is made of a text takes some thirty times its size.
	keptTexts = 128 << 10
)

// preparations keeps prepared lists, because reading an expression takes longer than finding a page. The zero value is empty and ready. It is safe for concurrent use.
//
// There are two generations: when the younger one is full the older one goes, and what of it was used has moved to the younger one by then.
type preparations struct {
	mu           sync.RWMutex
	young, older map[preparedKey]*prepared
	size         int // of young
}

func (p *preparations) get(k preparedKey) *prepared {
	p.mu.RLock()
	found, old := p.young[k], p.older[k]
	p.mu.RUnlock()
	if found == nil && old != nil {
		p.put(k, old)
		return old
	}
	return found
}

func (p *preparations) put(k preparedKey, list *prepared) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.young[k] != nil {
		return
	}
	if p.young == nil || p.size+k.size() > keptTexts {
		p.older, p.young, p.size = p.young, map[preparedKey]*prepared{}, 0
	}
	p.young[k] = list
	p.size += k.size()
}

// prepare reads the texts of a list. It returns all that is wrong with them.
func (d *Documents) prepare(c *collection.Collection, r ListDocuments) (*prepared, []error) {
	key := preparedKey{weak.Make(c), r.Filter, r.OrderBy, r.Fields}
	if kept := d.prepared.get(key); kept != nil {
		return kept, nil
	}
	p := &prepared{}
	var wrong []error
	env := c.Searches()
	if r.Filter != "" {
		filter, err := query.Compile(r.Filter, env)
		p.query.Filter = filter
		wrong = append(wrong, err)
		if _, part := p.query.Search(); part >= 0 && r.OrderBy == "" {
			r.OrderBy = search.ByRank
		}
	}
	var failed error
	p.query.Order, failed = search.ParseOrder(r.OrderBy, env)
	wrong = append(wrong, failed)
	p.fields, failed = search.ParseFields(r.Fields, env)
	if wrong = append(wrong, failed); together(wrong) != nil {
		return p, wrong
	}
	if err := p.query.Check(c.Config.Indexes); err != nil {
		return p, []error{err}
	}
	p.list = "documents/" + r.Collection.String() + "\x00" + r.Filter + "\x00" + p.query.Order.String()
	p.plans = search.Plans(p.query, c.ReadyIndexes())
	d.prepared.put(key, p)
	return p, nil
}
