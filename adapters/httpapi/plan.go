package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/munnerz/goautoneg"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/principal"
)

const ndjsonType = "application/x-ndjson"

// roleOf is the role that has the operations of a tag; operations of other tags belong to every process.
var roleOf = map[string]string{"collections": "configuration", "documents": "store", "history": "store", "transfer": "store", "operations": "store"}

// plan is what has to hold for a request before its operation sees it. It is made once, from the contract, when the operation's route is registered.
type plan struct {
	server *Server
	id     string
	// role is "" where every process serves the operation.
	role string
	// open says that no key is asked for, quiet that its requests come all the time and are logged only where everything is.
	open, quiet bool

	params []*openapi3.Parameter
	// query are the names of the query parameters.
	query []string
	// headers are the names of the header parameters, in their canonical form.
	headers []string
	// produces are the media types of its answers, the first being what is sent to who accepts anything.
	produces []string
	// consumes are the media types of its body; none where it has no body.
	consumes []string
	// limit bounds the body, in bytes; 0 leaves it to the operation, which reads it as a stream.
	limit int64
	patch bool
	// transaction says that the body is one.
	transaction bool
	// keyed says that the operation takes an Idempotency-Key.
	keyed bool
	next  http.Handler
}

func (s *Server) newPlan(item *openapi3.PathItem, op *openapi3.Operation, next http.Handler) *plan {
	p := &plan{server: s, id: op.OperationID, next: next, patch: item.Patch == op}
	if len(op.Tags) > 0 {
		p.role = roleOf[op.Tags[0]]
	}
	p.quiet = op.Security != nil
	p.open = p.quiet && (len(*op.Security) == 0 || mayBeOpen(*op.Security) && !s.MetricsKeyed)
	for _, list := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, ref := range list {
			p.params = append(p.params, ref.Value)
			switch ref.Value.In {
			case openapi3.ParameterInQuery:
				p.query = append(p.query, ref.Value.Name)
			case openapi3.ParameterInHeader:
				p.headers = append(p.headers, http.CanonicalHeaderKey(ref.Value.Name))
				p.keyed = p.keyed || ref.Value.Name == keyHeader
			}
		}
	}
	answers := op.Responses
	if op == item.Head && item.Get != nil {
		answers = item.Get.Responses // HEAD says what GET would answer with
	}
	for code, answer := range answers.Map() {
		if strings.HasPrefix(code, "2") {
			for media := range answer.Value.Content {
				p.produces = append(p.produces, media)
			}
		}
	}
	slices.Sort(p.produces)
	p.produces = slices.Compact(p.produces)
	p.readBody(op)
	return p
}

// traced is the plan with a span around it, where requests are traced.
func (p *plan) traced() http.Handler {
	if p.server.Tracers == nil {
		return p
	}
	return otelhttp.NewHandler(p, p.id, otelhttp.WithTracerProvider(p.server.Tracers), otelhttp.WithPropagators(p.server.Propagator),
		otelhttp.WithSpanNameFormatter(func(operation string, _ *http.Request) string { return operation }))
}

// mayBeOpen says that an operation can be asked for with a key and without: one of its alternatives requires nothing.
func mayBeOpen(alternatives openapi3.SecurityRequirements) bool {
	return slices.ContainsFunc(alternatives, func(required openapi3.SecurityRequirement) bool { return len(required) == 0 })
}

// readBody takes over what the contract says of the body.
func (p *plan) readBody(op *openapi3.Operation) {
	if op.RequestBody == nil {
		return
	}
	p.limit = int64(p.server.MaxBodyBytes)
	for media, content := range op.RequestBody.Value.Content {
		p.consumes = append(p.consumes, media)
		switch {
		case content.Schema.Value.Format == "binary":
			p.limit = 0
		case slices.Contains(documentSized, content.Schema.Ref):
			p.limit = documentBody(p.server.MaxDocumentBytes)
		case content.Schema.Ref == transactionSchema:
			p.limit, p.transaction = int64(p.server.MaxTransactionBytes), true
		}
	}
	slices.Sort(p.consumes)
}

// documentSized are the schemas of bodies that may be as large as a document.
var documentSized = []string{
	"#/components/schemas/DocumentData", "#/components/schemas/DocumentPatch", "#/components/schemas/DocumentUpdate", "#/components/schemas/JSONPatch",
}

const transactionSchema = "#/components/schemas/Transaction"

// documentBody bounds the body of a document of at most limit bytes: white space, which is not kept, may double it.
func documentBody(limit int) int64 { return 2*int64(limit) + 4096 }

// ServeHTTP hands the request on when it keeps what the contract says.
func (p *plan) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ex := exchangeOf(r.Context())
	ex.plan, ex.request = p, r
	if err := p.admit(ex, w, r); err != nil {
		p.server.fail(w, r, err)
		return
	}
	if ex.key != "" {
		p.serveKeyed(ex, w, r)
		return
	}
	p.next.ServeHTTP(w, r)
}

// admit judges the request, from what costs least to what costs most; the body comes last.
func (p *plan) admit(ex *exchange, w http.ResponseWriter, r *http.Request) error {
	if p.role != "" && !p.server.serves(p.role) {
		return fault.New(fault.NotFound, "role.notServed", "this process does not have the role %q", p.role)
	}
	if err := p.authenticate(ex, r); err != nil {
		return err
	}
	if err := p.acceptable(r); err != nil {
		return err
	}
	if lines := r.Header[keyHeader]; p.keyed && len(lines) > 0 {
		key, err := parseKey(lines)
		if err != nil {
			return err
		}
		if !rehearsal(r) {
			ex.key = key
		}
	}
	if err := p.judgeParameters(ex, r); err != nil {
		return err
	}
	if token := r.Header.Get(tokenHeader); token != "" && slices.Contains(p.headers, tokenHeader) {
		seen, err := change.ParseToken(token)
		if err != nil {
			return err
		}
		ex.seen = seen
	}
	if len(p.consumes) == 0 {
		return nil
	}
	return p.takeBody(ex, w, r)
}

func hashKey(key string) [32]byte { return sha256.Sum256([]byte(key)) }

// authenticate finds out who asks. Hashes are compared, so that the time it takes says nothing, not even of the length.
func (p *plan) authenticate(ex *exchange, r *http.Request) error {
	if p.server.RootKey == "" || p.open {
		return nil
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || key == "" {
		return fault.New(fault.Unauthenticated, "auth.required", "send the key as a bearer token")
	}
	given := hashKey(strings.TrimSpace(key))
	if subtle.ConstantTimeCompare(given[:], p.server.keyHash[:]) != 1 {
		return fault.New(fault.Unauthenticated, "auth.invalid", "the key is not known")
	}
	ex.principal = principal.Root
	return nil
}

// acceptable fails where the caller takes nothing that the operation answers with.
func (p *plan) acceptable(r *http.Request) error {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 || len(p.produces) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == p.produces[0] || accept[0] == "") {
		return nil
	}
	if goautoneg.Negotiate(strings.Join(accept, ","), p.produces) == "" {
		return notAcceptable(p.produces)
	}
	return nil
}

// prefers says which of the media types the caller of r likes best, the first where all are equal.
func prefers(r *http.Request, media ...string) string {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 {
		return media[0]
	}
	if best := goautoneg.Negotiate(strings.Join(accept, ","), media); best != "" {
		return best
	}
	return media[0]
}

// judgeParameters finds every fault of every parameter.
func (p *plan) judgeParameters(ex *exchange, r *http.Request) error {
	var values url.Values
	var faults []fault.Violation
	if r.URL.RawQuery != "" {
		var err error
		if values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return fault.New(fault.Malformed, "request.parameters", "the query cannot be read").
				With(fault.Violation{In: "query", Code: "syntax", Message: "is not a valid query string"})
		}
		ex.query = values
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !slices.Contains(p.query, name) {
				faults = append(faults, p.unknown(name))
			} else if len(values[name]) > 1 {
				faults = append(faults, fault.Violation{In: "query", Pointer: name, Code: "single", Message: "must be given once"})
			}
		}
	}
	for _, name := range p.headers {
		// A field that comes in several lines is one list (RFC 9110 section 5.3).
		if lines := r.Header[name]; len(lines) > 1 {
			r.Header[name] = []string{strings.Join(lines, ", ")}
		}
	}
	for _, param := range p.params {
		if !p.absent(param, r, values) && !evident(param.Schema.Value, valueOf(param, r, values)) {
			faults = append(faults, judged(param, r, values)...)
		}
	}
	if len(faults) > 0 {
		return fault.New(fault.Malformed, "request.parameters", "a parameter is not what the operation takes").With(faults...)
	}
	return nil
}

var filterOptions = openapi3filter.Options{MultiError: true, SkipSettingDefaults: true}

// judged has the validator judge a parameter.
func judged(param *openapi3.Parameter, r *http.Request, values url.Values) []fault.Violation {
	input := openapi3filter.RequestValidationInput{Request: r, QueryParams: values, Options: &filterOptions}
	if param.In == openapi3.ParameterInPath {
		input.PathParams = map[string]string{param.Name: r.PathValue(param.Name)}
	}
	if err := openapi3filter.ValidateParameter(r.Context(), &input, param); err != nil {
		return parameterFaults(param, err)
	}
	return nil
}

// absent says that there is nothing to judge.
func (p *plan) absent(param *openapi3.Parameter, r *http.Request, values url.Values) bool {
	switch {
	case param.Required:
		return false
	case param.In == openapi3.ParameterInQuery:
		return len(values[param.Name]) == 0 || values[param.Name][0] == "" && param.Schema.Value.Type.Is("string") && param.Schema.Value.MinLength == 0 && len(param.Schema.Value.Enum) == 0
	case param.In == openapi3.ParameterInHeader:
		return r.Header.Get(param.Name) == ""
	}
	return false
}

func (p *plan) unknown(name string) fault.Violation {
	message := "is not a parameter of this operation"
	if near := ident.Nearest(name, p.query); near != "" {
		message += "; did you mean " + near + "?"
	}
	return fault.Violation{In: "query", Pointer: shortened(name), Code: "unknownParameter", Message: message}
}

// sayUnderstood lists the media types of the operation's body, for an answer that refuses another.
func (p *plan) sayUnderstood(h http.Header) {
	name := "Accept"
	if p.patch {
		name = "Accept-Patch"
	}
	h.Set(name, strings.Join(p.consumes, ", "))
}

// mediaTypeOf returns the media type of a body, in lower case and without parameters.
func mediaTypeOf(r *http.Request) (string, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", fault.New(fault.Unsupported, "request.mediaType", "the header Content-Type is missing or cannot be read")
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return "", fault.New(fault.Unsupported, "request.charset", "JSON is UTF-8 (RFC 8259 section 8.1)")
	}
	return media, nil
}
