package main

import (
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// base is the path under which the simulated Astro serves what the document describes.
const base = "/v1"

// document is an OpenAPI document that exchanges are held against.
type document struct {
	spec       *openapi3.T
	errorBody  *openapi3.Schema
	operations int
}

// loadDocument reads a document and closes its objects: a field that it does not name is a deviation, as most mistakes in
// the name of a field would otherwise pass for a field more.
func loadDocument(file string) (*document, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	if doc.Components == nil || doc.Components.Schemas["Error"] == nil || doc.Paths == nil {
		return nil, fmt.Errorf("%s has no schema Error: it is not a document of Astro's API", file)
	}
	closeObjects(doc)
	d := &document{spec: doc, errorBody: doc.Components.Schemas["Error"].Value}
	for _, path := range doc.Paths.Map() {
		d.operations += len(path.Operations())
	}
	return d, nil
}

// closeObjects closes every object of the document's schemas, except the parts of a composition: each of them sees the
// fields of the others.
func closeObjects(doc *openapi3.T) {
	c := closer{parts: map[*openapi3.Schema]bool{}, seen: map[*openapi3.Schema]bool{}}
	for _, schema := range doc.Components.Schemas {
		c.collectParts(schema)
	}
	clear(c.seen)
	for _, schema := range doc.Components.Schemas {
		c.close(schema)
	}
}

type closer struct{ parts, seen map[*openapi3.Schema]bool }

func (c closer) enter(ref *openapi3.SchemaRef) bool {
	if ref == nil || ref.Value == nil || c.seen[ref.Value] {
		return false
	}
	c.seen[ref.Value] = true
	return true
}

func (c closer) collectParts(ref *openapi3.SchemaRef) {
	if !c.enter(ref) {
		return
	}
	for _, refs := range []openapi3.SchemaRefs{ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf} {
		for _, part := range refs {
			c.parts[part.Value], c.parts[ref.Value] = true, true
			c.collectParts(part)
		}
	}
	for _, child := range children(ref.Value) {
		c.collectParts(child)
	}
}

func (c closer) close(ref *openapi3.SchemaRef) {
	if !c.enter(ref) {
		return
	}
	s := ref.Value
	if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil && !c.parts[s] {
		no := false
		s.AdditionalProperties.Has = &no
	}
	for _, child := range children(s) {
		c.close(child)
	}
}

func children(s *openapi3.Schema) (all []*openapi3.SchemaRef) {
	for _, property := range s.Properties {
		all = append(all, property)
	}
	return append(all, s.Items, s.AdditionalProperties.Schema)
}
