package httpapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// shapeStep is a request to the collection "shape", and what has to come of it.
type shapeStep struct {
	send, body string
	status     int
	want       string
}

// promise is what a user of Mongoose or Joi expects after the move: a row of the table in the README of the shapes.
type promise struct {
	row    string // how the row begins
	schema string // of the shapes; "" is that of any object
	more   string // members of the configuration beside the schema
	steps  []shapeStep
}

const (
	shapePath  = "/documents"
	anEmail    = `"email":"a@example.org","emailVerified":false,"provider":"local"`
	aHabit     = `{"text":"Walk"}`
	aProvider  = `"name":"Acme","description":"x","careers":["UI/UX"]`
	eightChars = `"password":"abcdefg1"`
)

var promises = []promise{
	{row: "`unique: true`", schema: "chat-user", more: `"indexes":[{"name":"by_email","on":["doc.email","doc.tenantId"],"unique":true}]`, steps: []shapeStep{
		{"POST", `{` + anEmail + `,"tenantId":"t1"}`, 201, ``},
		{"POST", `{` + anEmail + `,"tenantId":"t2"}`, 201, ``},
		{"POST", `{` + anEmail + `,"tenantId":"t1"}`, 409, `{"code":"document.duplicate","errors":[{"pointer":"/email","code":"unique"},{"pointer":"/tenantId","code":"unique"}]}`},
	}},
	{row: "`partialFilterExpression", schema: "chat-user", more: `"indexes":[{"name":"by_google","on":["doc.googleId","doc.tenantId"],"unique":true,"where":"has(doc.googleId)"}]`, steps: []shapeStep{
		{"POST", `{` + anEmail + `}`, 201, ``}, {"POST", `{` + anEmail + `}`, 201, ``},
		{"POST", `{` + anEmail + `,"googleId":"g","tenantId":"t"}`, 201, ``},
		{"POST", `{` + anEmail + `,"googleId":"g","tenantId":"t"}`, 409, `{"code":"document.duplicate"}`},
	}},
	{row: "`default: value`", schema: "chat-user", steps: []shapeStep{
		{"POST", `{"email":"a@example.org","personalization":{},"backupCodes":[{"codeHash":"x"}]}`, 201,
			`{"data":{"username":"","emailVerified":false,"provider":"local","role":"USER","twoFactorEnrolledAt":null,"termsAccepted":false,"personalization":{"memories":true},"favorites":[],"skillStates":{}}}`},
		{"GET /documents?fields=doc.backupCodes", ``, 200, `{"items":[{"data":{"backupCodes":[{"codeHash":"x","used":false,"usedAt":null}]}}]}`},
	}},
	{row: "`default: Date.now`", more: `"schema":{"properties":{"created_at":{"type":"string","format":"date-time","x-timestamp":"created"},"updated_at":{"x-timestamp":"updated"}}}`, steps: []shapeStep{
		{"PUT /documents/x", `{"n":1}`, 201, `{"createdAt":"2026-11-24T12:00:00.123456Z","data":{"created_at":"2026-11-24T12:00:00.123456Z","updated_at":"2026-11-24T12:00:00.123456Z"}}`},
		{"PATCH /documents/x", `{"created_at":"2020-01-01T00:00:00Z"}`, 422, `{"errors":[{"pointer":"/created_at","code":"readOnly"}]}`},
	}},
	{row: "`expires: 604800`", schema: "chat-user", more: `"expiry":{"at":"doc.expiresAt","after":"7d"}`, steps: []shapeStep{
		{"PUT /documents/x", `{` + anEmail + `,"expiresAt":"2026-11-17T12:00:00.123457Z"}`, 201, ``}, // a microsecond is left
		{"GET /documents/x", ``, 200, ``},
		{"PUT /documents/y", `{` + anEmail + `,"expiresAt":"2026-11-17T12:00:00.123456Z"}`, 201, ``},
		{"GET /documents/y", ``, 404, ``},
	}},
	{row: "`trim`, `lowercase`", more: `"schema":{"properties":{"email":{"type":"string","format":"email","x-normalize":["trim","lowercase"],"pattern":"^[^A-Z]*$"}}}`, steps: []shapeStep{
		{"POST", `{"email":" Ann@Example.ORG "}`, 201, `{"data":{"email":"ann@example.org"}}`},
	}},
	{row: "`select: false`", schema: "chat-user", steps: []shapeStep{
		{"PUT /documents/x", `{` + anEmail + `,"passwordHash":"h"}`, 201, `{"data":{"passwordHash":null}}`},
		{"GET /documents/x", ``, 200, `{"data":{"passwordHash":null}}`},
		{"GET /documents/x?fields=doc.passwordHash", ``, 200, `{"data":{"passwordHash":"h"}}`},
		{"PUT /documents/x", `{` + anEmail + `,"username":"ann"}`, 200, ``}, // what was not shown is not lost
		{"GET /documents/x?fields=doc.passwordHash,doc.username", ``, 200, `{"data":{"passwordHash":"h","username":"ann"}}`},
	}},
	{row: "`ref: 'User'`", schema: "shop-order", more: `"references":[{"path":"doc.user","collection":"users"}]`, steps: []shapeStep{
		{"PUT /v1/collections/users/documents/507f1f77bcf86cd799439011", `{"name":"Ann"}`, 201, ``},
		{"PUT /documents/o", anOrder, 201, ``},
		{"GET /documents/o?expand=doc.user", ``, 200, `{"expanded":{"doc.user":{"document":{"data":{"name":"Ann"}}}}}`},
	}},
	{row: "`match: [regex, message]`", schema: "course-provider", more: `"rules":[{"code":"site","rule":"!has(doc.website) || doc.website.matches('^https?://.+')","message":"Please use a valid URL","path":"/website"},{"code":"phone","rule":"has(doc.phone)","message":"Please add a phone number","path":"/phone"}]`, steps: []shapeStep{
		{"POST", `{` + aProvider + `,"website":"ftp://x.org"}`, 422, `{"errors":[{"pointer":"/website","code":"pattern"},{"pointer":"/website","code":"site","message":"Please use a valid URL"},{"pointer":"/phone","code":"phone","message":"Please add a phone number"}]}`},
	}},
	{row: "`index: '2dsphere'`", schema: "course-provider", steps: []shapeStep{ // a box, and no distance
		{"POST", `{` + aProvider + `,"location":{"type":"Point","coordinates":[-71.1,42.3]}}`, 201, ``},
		{"POST", `{` + aProvider + `,"location":{"type":"Point","coordinates":[2.3,48.9]}}`, 201, ``},
		{"GET /documents?count=exact&filter=" + url.QueryEscape(`doc.location.coordinates[0] > -71.2 && doc.location.coordinates[0] < -71 && doc.location.coordinates[1] > 42 && doc.location.coordinates[1] < 43`), ``, 200, `{"count":{"value":1}}`},
	}},
	{row: "`strict: true`", more: `"unknownFields":"strip","schema":{"properties":{"name":{"type":"string"}}}`, steps: []shapeStep{
		{"POST", `{"name":"x","isAdmin":true}`, 201, `{"data":{"name":"x","isAdmin":null}}`},
	}},
	{row: "`minimize: false`", schema: "chat-user", steps: []shapeStep{
		{"PUT /documents/x", `{` + anEmail + `,"skillStates":{},"personalization":{}}`, 201, ``},
		{"GET /documents?count=exact&filter=" + url.QueryEscape(`doc.skillStates == {}`), ``, 200, `{"count":{"value":1}}`},
	}},
	{row: "a `Mixed`", schema: "writing-project", steps: []shapeStep{
		{"POST", `{"archived":false}`, 201, `{"data":{"archived":false}}`},
		{"POST", `{"archived":["507f1f77bcf86cd799439011"]}`, 201, `{"data":{"archived":["507f1f77bcf86cd799439011"]}}`},
		{"POST", `{"archived":"yes"}`, 422, `{"errors":[{"pointer":"/archived","code":"anyOf"},{"code":"type"},{"code":"type"}]}`},
	}},
	{row: "discriminators", schema: "habit-task", steps: []shapeStep{
		{"POST", aHabit, 201, `{"data":{"type":"habit","value":0,"priority":1,"attribute":"str","up":true,"down":true}}`},
		{"POST", `{"text":"Water","type":"daily","repeat":{}}`, 201, `{"data":{"frequency":"weekly","everyX":1,"streak":0,"completed":false,"repeat":{"m":true,"su":true},"up":null}}`},
		{"POST", `{"text":"Tax","type":"todo","checklist":[{"id":"00000001-0000-4000-8000-000000000001"}]}`, 201, `{"data":{"checklist":[{"text":"","completed":false}],"frequency":null}}`},
		{"POST", `{"text":"Cake","type":"reward","up":true}`, 422, `{"errors":[{"pointer":"","code":"unevaluatedProperties","params":{"unexpected":["up"]}}]}`},
	}},
	{row: "`Map` of booleans", schema: "chat-user", steps: []shapeStep{
		{"POST", `{` + anEmail + `,"skillStates":{"translate":true,"":false,"a.b":true}}`, 201, `{"data":{"skillStates":{"translate":true,"":false,"a.b":true}}}`},
		{"POST", `{` + anEmail + `,"skillStates":{"":1}}`, 422, `{"errors":[{"pointer":"/skillStates/","code":"type"}]}`},
	}},
	{row: "casting", schema: "habit-task", more: `"coerce":true`, steps: []shapeStep{
		{"POST", `{"text":"Walk","value":"5"}`, 201, `{"data":{"value":5},"warnings":[{"pointer":"/value","code":"coerced","params":{"from":"string","to":"number"}}]}`},
	}},
	{row: "Joi `.min(1)`", schema: "account-signup", more: `"rules":[{"code":"name-in-password","rule":"!has(doc.name) || !has(doc.password) || !doc.password.contains(doc.name)","path":"/password"}]`, steps: []shapeStep{
		{"POST", `{}`, 422, ``},
		{"POST", `{"name":"A"}`, 201, ``},
		{"POST", `{"name":"fg",` + eightChars + `}`, 422, `{"errors":[{"pointer":"/password","code":"name-in-password"}]}`},
	}},
	{row: "Joi drops or refuses", schema: "account-signup", more: `"unknownFields":"strip"`, steps: []shapeStep{{"POST", `{"name":"A","x":1}`, 201, `{"data":{"name":"A","x":null}}`}}},
	{row: "`__v`", schema: "account-signup", more: `"unknownFields":"strip"`, steps: []shapeStep{
		{"POST /import", `[{"name":"A","__v":3}]`, 200, `{"created":1}`},
		{"GET /documents", ``, 200, `{"items":[{"revision":1,"data":{"name":"A","__v":null}}]}`},
	}},
}

const anOrder = `{"items":[{"slug":"a","name":"A","quantity":1,"image":"i","price":19.90,"product":"507f1f77bcf86cd799439012"}],
	"shippingAddress":{"fullName":"Ann","address":"Rua 1","city":"Lisboa","phone":"+351 1","postalCode":"1000","country":"PT"},"paymentMethod":"card","totalPrice":19.90,"user":"507f1f77bcf86cd799439011"}`

// TestShapes keeps every promise of the table, on the shape that it comes from.
func TestShapes(t *testing.T) {
	t.Parallel()
	table := string(mustRead(t, shared(t, "app-shapes", "README.md")))
	_, table, _ = strings.Cut(table, "| what a user expects")
	for line := range strings.Lines(table) {
		row := strings.TrimPrefix(line, "| ")
		if row == line || strings.HasPrefix(row, "---") {
			continue
		}
		at := slices.IndexFunc(promises, func(p promise) bool { return strings.HasPrefix(row, p.row) })
		if at < 0 {
			t.Errorf("nothing shows: %s", row)
			continue
		}
		t.Run(promises[at].row, func(t *testing.T) {
			t.Parallel()
			promises[at].keep(t)
		})
	}
}

func (p promise) keep(t *testing.T) {
	t.Helper()
	a := inMemory(t)
	if strings.Contains(p.more, "users") {
		a.declare(t, "users", `{}`)
	}
	config := p.more
	if p.schema != "" {
		config = `"schema":` + string(mustRead(t, shared(t, "app-shapes", p.schema+".schema.json")))
		if p.more != "" {
			config += "," + p.more
		}
	}
	a.declare(t, "shape", `{`+config+`}`)
	for _, s := range p.steps {
		method, path, _ := strings.Cut(s.send, " ")
		switch {
		case path == "":
			path = "/v1/collections/shape" + shapePath
		case !strings.HasPrefix(path, "/v1"):
			path = "/v1/collections/shape" + path
		}
		got := a.send(t, method+" "+path, s.body)
		if got.status != s.status {
			t.Errorf("%s %s: %d, want %d: %s", method, path, got.status, s.status, got.body)
			continue
		}
		if s.want != "" {
			wantPart(t, decode(t, got.body), decode(t, []byte(s.want)))
		}
	}
}
