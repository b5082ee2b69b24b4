package sheaf

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// problemBytes bounds what is read of an answer that failed: a hundred violations fit many times over.
const problemBytes = 4 << 20

// WithKey sends key with every request, as the bearer token.
func WithKey(key string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+key)
		return nil
	})
}

// Check returns nil for an answer of the class 2xx, whose body stays open. For every other one it returns a *Problem
// and closes the body; where the answer is not a problem document, as those of a proxy are not, it has Status and Title alone.
func Check(response *http.Response) error {
	if response.StatusCode/100 == 2 {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	problem := &Problem{}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	err := json.NewDecoder(io.LimitReader(response.Body, problemBytes)).Decode(problem)
	if kind != "application/problem+json" || err != nil {
		problem = &Problem{Title: http.StatusText(response.StatusCode)}
	}
	problem.Status = response.StatusCode
	return problem
}

// Error returns the problem on one line: what happened, status, code and request, then every violation.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Detail != nil && *p.Detail != "" {
		b.WriteString(*p.Detail)
	} else {
		b.WriteString(p.Title)
	}
	fmt.Fprintf(&b, " (%s)", strings.TrimSpace(fmt.Sprint(p.Status, " ", p.Code)))
	if p.RequestID != "" {
		fmt.Fprintf(&b, ", request %s", p.RequestID)
	}
	for _, v := range p.Errors {
		fmt.Fprintf(&b, "; %s", place(v.Pointer, v.Message, v.Code))
	}
	return b.String()
}

// Error returns the fault on one line, as compilers do: line, place, message, code.
func (e ImportError) Error() string {
	return fmt.Sprintf("%d: %s", e.Line, place(e.Pointer, e.Message, e.Code))
}

// place is one thing that is wrong; the whole document has an empty pointer.
func place(pointer, message, code string) string {
	if pointer != "" {
		pointer += ": "
	}
	return fmt.Sprintf("%s%s (%s)", pointer, message, code)
}
