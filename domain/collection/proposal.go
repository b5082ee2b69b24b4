package collection

import (
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/schema"
)

// Proposal is a submission on its way to be stored: what can be said of it without knowing what is stored was said already. It is immutable.
type Proposal struct {
	collection *Collection
	submission Submission

	step     step
	tree     any // what the document is so far
	changed  bool
	warnings []fault.Violation
	// identity are faults that are refused whatever the enforcement, faults all others.
	identity, faults []fault.Violation
	// admitted is the end of the judgement where ended says that nothing that is stored can change it.
	admitted Admitted
	ended    bool
}

// step is how far a judgement has come.
type step uint8

const (
	read      step = iota // texts are normalized, values coerced, and the id is taken
	completed             // what is missing was filled in, and the schema has judged
	judged                // the rules have judged
)

// lookback is what is stored, decoded when somebody asks; zero where there is nothing.
type lookback struct {
	data    []byte
	decoded any
}

func (l *lookback) exists() bool { return l.data != nil }

// tree returns the document, nil where there is none.
func (l *lookback) tree() any {
	if l.decoded == nil && l.data != nil {
		tree, err := jsontext.Decode(l.data)
		if err != nil {
			panic("collection: what is stored is canonical: " + err.Error())
		}
		l.decoded = tree
	}
	return l.decoded
}

// ID returns the id to store the document under: the one that was submitted, or that the data names.
func (p *Proposal) ID() ident.Document { return p.submission.ID }

// Data returns the canonical text of what is proposed, as far as it is known: what is taken over from a stored document, and what is filled in where there is none, may be missing.
func (p *Proposal) Data() []byte {
	switch {
	case p.ended:
		return p.admitted.Data
	case p.changed:
		return jsontext.Append(nil, p.tree)
	}
	return p.submission.Data
}

// Admit ends the judgement: stored is the data of the document as it is in the transaction, nil where there is none. It may be called more than once.
// Whatever the way in, it is this judgement that counts.
// It fails like Propose.
func (p *Proposal) Admit(stored []byte) (Admitted, error) {
	if p.ended {
		return p.admitted, nil
	}
	ends := *p
	old := &lookback{data: stored}
	if ends.step == read {
		if err := ends.complete(old); err != nil {
			return Admitted{}, err
		}
	}
	if ends.step == completed {
		ends.judge(old)
	}
	return ends.admit(old)
}

// read decodes the data, drops what the collection drops, and takes it as it is meant.
func (p *Proposal) read() error {
	tree, err := jsontext.Decode(p.submission.Data)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
	}
	p.tree = tree
	if err := p.strip(); err != nil {
		return err
	}
	if err := p.shape(schema.Shaping{Coerce: p.collection.Config.Coerce}); err != nil {
		return err
	}
	p.takeID()
	return nil
}

// strip drops members that the schema does not know.
func (p *Proposal) strip() error {
	if p.collection.Config.UnknownFields != StripUnknown {
		return nil
	}
	stripped, gone, wrong := p.collection.schema.Strip(p.tree)
	if len(wrong) > 0 {
		return p.collection.refuse(wrong...)
	}
	p.tree, p.changed = stripped, p.changed || len(gone) > 0
	return nil
}

func (p *Proposal) shape(how schema.Shaping) error {
	if !p.collection.schema.Shapes(how) {
		return nil
	}
	shaped := p.collection.schema.Shape(p.tree, how)
	if len(shaped.Faults) > 0 {
		return p.collection.refuse(shaped.Faults...)
	}
	p.tree, p.changed, p.warnings = shaped.Doc, p.changed || shaped.Changed, append(p.warnings[:len(p.warnings):len(p.warnings)], shaped.Coerced...)
	return nil
}

// complete makes the document whole, by what is stored and by defaults, and has the schema judge it.
func (p *Proposal) complete(stored *lookback) error {
	c, kept := p.collection, false
	if p.submission.Way == Whole && stored.exists() {
		if p.tree, kept = c.keep(p.tree, stored); kept {
			p.changed = true
			if err := p.strip(); err != nil {
				return err
			}
		}
	}
	p.faults = c.protect(p.submission.Way, p.tree, stored)
	if fill := p.submission.Way == Whole && c.Config.Defaults; kept || fill {
		if err := p.shape(schema.Shaping{Coerce: c.Config.Coerce, Fill: fill}); err != nil {
			return err
		}
	}
	if p.submission.Way != Returned {
		tree, stamped := c.stamp(p.tree, stored, p.submission.Now)
		p.tree, p.changed = tree, p.changed || stamped
	}
	p.faults = append(p.faults, c.contents(p.tree)...)
	p.step = completed
	return nil
}

// contents returns what is wrong with the document by itself, whatever the rules.
func (c *Collection) contents(tree any) []fault.Violation {
	var faults []fault.Violation
	if c.Config.UnknownFields == RejectUnknown {
		faults = c.schema.Unknown(tree)
	}
	faults = append(faults, c.schema.Validate(tree)...)
	return append(faults, c.Config.Expiry.check(tree)...)
}

// judge has the rules judge the document.
func (p *Proposal) judge(stored *lookback) {
	if rules := p.collection.Config.Rules; len(rules) > 0 {
		vars := query.Vars{"doc": p.tree, "old": stored.tree(), "now": query.InstantOf(p.submission.Now), "id": p.submission.ID.String()}
		p.faults = append(p.faults[:len(p.faults):len(p.faults)], broken(rules, vars, len(p.faults) > 0 && p.collection.Config.Enforcement == Enforce)...)
	}
	p.step = judged
}

// admit decides.
func (p *Proposal) admit(stored *lookback) (Admitted, error) {
	c := p.collection
	refused, passed := c.outstanding(p.faults, stored, p.submission)
	if refused = append(refused[:len(refused):len(refused)], p.identity...); len(refused) > 0 {
		return Admitted{}, c.refuse(refused...)
	}
	a := Admitted{Data: p.submission.Data, Warnings: append(p.warnings[:len(p.warnings):len(p.warnings)], passed...)}
	if p.changed {
		a.Data = jsontext.Append(make([]byte, 0, len(a.Data)+len(a.Data)/8), p.tree)
		if most := p.submission.MaxBytes; most > 0 && len(a.Data) > most {
			return Admitted{}, fault.New(fault.TooLarge, "document.tooLarge", "a document has at most %d bytes, with its defaults", most)
		}
	}
	a.Warnings = a.Warnings[:min(len(a.Warnings), fault.MaxViolations)]
	return a, nil
}

// takeID takes the id from the data, where the collection says so: a string as it is, an integer as its digits.
func (p *Proposal) takeID() {
	path := p.collection.Config.IDFrom
	if path == nil {
		return
	}
	wrong := func(message string) {
		p.identity = []fault.Violation{{In: "body", Pointer: path.Pointer(), Code: "id", Message: message}}
	}
	value, found := path.Find(p.tree)
	if !found {
		wrong("must be given: the document's id is taken from it")
		return
	}
	text, ok := ident.TextOf(value)
	if !ok {
		wrong("must be a string or an integer: the document's id is taken from it")
		return
	}
	id, err := ident.ParseDocument(text)
	if err != nil {
		wrong(fault.Find(err).Text)
		return
	}
	if given := p.submission.ID; given != (ident.Document{}) && given != id {
		wrong("must agree with the id in the request: the document's id is taken from it")
		return
	}
	p.submission.ID = id
}
