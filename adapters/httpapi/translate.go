package httpapi

import (
	"bytes"
	"strconv"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports/app"
)

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte { return jsontext.AppendString(b, s) }

// named reads the name of a collection and the id of a document in a path. An id of "" is none.
func named(name, id string) (ident.Collection, ident.Document, error) {
	return namedIn("path", name, id)
}

// namedIn is named for an id that is a parameter elsewhere.
func namedIn(in, name, id string) (ident.Collection, ident.Document, error) {
	c, err := ident.ParseCollection(name)
	if err != nil {
		return c, ident.Document{}, at(err, "path", "collection")
	}
	if id == "" {
		return c, ident.Document{}, nil
	}
	d, err := ident.ParseDocument(id)
	if err != nil {
		return c, d, at(err, in, "id")
	}
	return c, d, nil
}

// at names the parameter that a fault was found in.
func at(err error, in, parameter string) error {
	f := fault.Find(err)
	return f.With(fault.Violation{In: in, Pointer: parameter, Code: "format", Message: f.Text})
}

func paging(size int, token, count string) app.Paging {
	return app.Paging{Size: size, Token: token, Count: query.CountKind(count)}
}

// appendCollection appends a collection as the API shows it: the configuration between its name and what the server keeps.
func appendCollection(b []byte, c collection.Stored) []byte {
	b = append(b, `{"name":`...)
	b = appendString(b, c.Name.String())
	b = appendMembers(b, c.View())
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, c.Revision, 10)
	b = append(b, `,"state":"`...)
	b = append(b, c.State.String()...)
	b = append(b, `","createdAt":"`...)
	b = appendTime(b, c.CreatedAt)
	b = append(b, `","updatedAt":"`...)
	b = appendTime(b, c.UpdatedAt)
	return append(b, `"}`...)
}

// appendMembers appends the members of a canonical object behind others.
func appendMembers(b, object []byte) []byte {
	inner := bytes.TrimSpace(object[1 : len(object)-1])
	if len(inner) == 0 {
		return b
	}
	return append(append(b, ','), inner...)
}

func appendRevision(b []byte, r collection.Revision, name string) []byte {
	b = append(b, `{"revision":`...)
	b = strconv.AppendInt(b, r.Revision, 10)
	b = append(b, `,"at":"`...)
	b = appendTime(b, r.At)
	b = append(b, `","actor":`...)
	b = appendString(b, r.Actor)
	b = append(b, `,"requestId":`...)
	b = appendString(b, r.RequestID)
	b = append(b, `,"configuration":{"name":`...)
	b = appendString(b, name)
	b = appendMembers(b, r.Configuration)
	return append(b, "}}"...)
}

// pageText is a page of a list, each item written by appendItem.
func pageText[T any](p app.Page[T], appendItem func([]byte, T) []byte) []byte {
	return append(appendPage(make([]byte, 0, 1024*(len(p.Items)+1)), p, appendItem), '}')
}

// appendPage appends a page of a list that may have more members.
func appendPage[T any](b []byte, p app.Page[T], appendItem func([]byte, T) []byte) []byte {
	b = append(b, `{"items":[`...)
	for i, item := range p.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendItem(b, item)
	}
	b = append(b, ']')
	if p.Next != "" {
		b = append(b, `,"nextPageToken":`...)
		b = appendString(b, p.Next)
	}
	if p.Count != nil {
		b = append(b, `,"count":{"value":`...)
		b = strconv.AppendInt(b, p.Count.Value, 10)
		b = append(b, `,"kind":"`...)
		b = append(b, p.Count.Kind...)
		b = append(b, `"}`...)
	}
	return b
}

// documentPath is where a document is.
func documentPath(name ident.Collection, d document.Document) string {
	return "/v1/collections/" + name.String() + "/documents/" + pathSegment(d.ID.String())
}

// pathSegment escapes an id as one segment of a path.
func pathSegment(s string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~', c == '.', c == ':', c == '@', c == '$', c == '!', c == '*', c == '(', c == ')', c == ',', c == '=', c == '+', c == '&':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
