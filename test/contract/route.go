package main

import (
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// find is the operation of a call, with the values of the parameters in its path, and whether the document has the path
// with any method. The library's routers cannot be used: the published document has one path twice, with different names
// for the same parameter and different methods.
func (d *document) find(method, at string) (route *routers.Route, parameters map[string]string, known bool) {
	rest, under := strings.CutPrefix(at, base)
	if !under {
		return nil, nil, false
	}
	best := -1
	for path, item := range d.spec.Paths.Map() {
		values, matches := match(path, rest)
		if !matches {
			continue
		}
		known = true
		operation := item.Operations()[method]
		if operation == nil || best >= 0 && best <= len(values) { // a path with fewer parameters says more
			continue
		}
		best = len(values)
		route = &routers.Route{Spec: d.spec, Path: path, PathItem: item, Method: method, Operation: operation}
		parameters = values
	}
	return route, parameters, known
}

// match holds a path against a template, segment by segment.
func match(template, path string) (map[string]string, bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	values := map[string]string{}
	for i, segment := range want {
		if strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}") {
			values[segment[1:len(segment)-1]] = got[i]
		} else if segment != got[i] {
			return nil, false
		}
	}
	return values, true
}

// parameter is the query parameter of an operation, or of its path; nil if there is none of the name.
func parameter(route *routers.Route, name string) *openapi3.Parameter {
	if p := route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name); p != nil {
		return p
	}
	return route.PathItem.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
}
