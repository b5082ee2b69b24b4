package httpapi

import (
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports/app"
)

// sentImpact is what a change of a configuration would mean, as it is sent.
type sentImpact struct {
	Effect       string            `json:"effect"`
	Consequences []sentConsequence `json:"consequences"`
	Documents    sentJudgement     `json:"documents"`
	Indexes      []sentIndexImpact `json:"indexes"`
}

type sentConsequence struct {
	Pointer string `json:"pointer"`
	Effect  string `json:"effect"`
	Message string `json:"message"`
}

type sentJudgement struct {
	Total    sentCount     `json:"total"`
	Judged   int64         `json:"judged"`
	Failing  int64         `json:"failing"`
	Failures []sentFailure `json:"failures,omitempty"`
}

type sentCount struct {
	Value int64  `json:"value"`
	Kind  string `json:"kind"`
}

type sentIndexImpact struct {
	Name       string            `json:"name"`
	Action     string            `json:"action"`
	Duplicates int64             `json:"duplicates,omitempty"`
	Examples   []index.Duplicate `json:"examples,omitempty"`
}

// appendImpact adds an impact to a collection that was appended.
func appendImpact(b []byte, i *app.Impact) []byte {
	if i == nil {
		return b
	}
	sent := sentImpact{
		Effect: i.Effect.String(), Consequences: []sentConsequence{}, Indexes: []sentIndexImpact{},
		Documents: sentJudgement{Total: sentCount{i.Documents.Total.Value, i.Documents.Total.Kind}, Judged: i.Documents.Judged, Failing: i.Documents.Failing},
	}
	for _, c := range i.Consequences {
		sent.Consequences = append(sent.Consequences, sentConsequence{c.Pointer, c.Effect.String(), c.Message})
	}
	for _, f := range i.Documents.Failures {
		sent.Documents.Failures = append(sent.Documents.Failures, failureOf(f))
	}
	for _, x := range i.Indexes {
		action := "build"
		if x.Dropped {
			action = "drop"
		}
		sent.Indexes = append(sent.Indexes, sentIndexImpact{x.Name, action, x.Duplicates, x.Examples})
	}
	b = append(b[:len(b)-1], `,"impact":`...)
	return append(appendEncoded(b, sent), '}')
}
