package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// deviation is one way in which an exchange differs from the document.
type deviation struct {
	operation, side, reason string
}

const (
	sideRequest = "request"
	sideAnswer  = "answer"
)

// verdict is what one exchange was found to be.
type verdict struct {
	operation  string // method and path of the document, or of the call where the document has none
	skipped    string // why the answer says nothing of the document
	deviations []deviation
}

func (v *verdict) add(side string, err error) {
	for _, reason := range reasons(err) {
		v.deviations = append(v.deviations, deviation{v.operation, side, reason})
	}
}

// check holds one exchange against the document. The request has to keep to it if the operator sent it, or if the
// simulated Astro accepted it; the answer has to unless a fault made it.
func (d *document) check(e *exchange) (verdict, error) {
	allowed, err := e.withoutNewer()
	if err != nil {
		return verdict{}, err
	}
	input, err := allowed.input()
	if err != nil {
		return verdict{}, err
	}
	v := verdict{operation: e.Method + " " + input.Request.URL.Path}
	route, parameters, known := d.find(e.Method, input.Request.URL.Path)
	if route == nil {
		d.checkUnknown(&v, e, input.Request.URL, known)
		return v, nil
	}
	v.operation = e.Method + " " + route.Path
	input.Route, input.PathParams = route, parameters
	if e.byOperator() || e.accepted() {
		v.add(sideRequest, requestError(input))
	}
	if v.skipped = e.saysNothing(); v.skipped == "" {
		v.add(sideAnswer, answerError(allowed, input))
	}
	return v, nil
}

// saysNothing is why the answer of an exchange is not held against the document.
func (e *exchange) saysNothing() string {
	switch {
	case e.Fault != "":
		return "answer made or cut by a fault"
	case e.Status == http.StatusTooManyRequests:
		return "status 429, which the document does not declare"
	}
	return ""
}

// input is the request as the library takes it.
func (e *exchange) input() (*openapi3filter.RequestValidationInput, error) {
	request, err := http.NewRequestWithContext(context.Background(), e.Method, e.URL, strings.NewReader(e.Body))
	if err != nil {
		return nil, err
	}
	request.Header = e.Header
	return &openapi3filter.RequestValidationInput{Request: request, QueryParams: request.URL.Query(), Options: &openapi3filter.Options{
		MultiError: true, IncludeResponseStatus: true, SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, // the credential is not recorded
	}}, nil
}

// requestError is how a request differs from its operation. The library does not look for parameters that the operation
// does not have.
func requestError(input *openapi3filter.RequestValidationInput) error {
	err := openapi3filter.ValidateRequest(context.Background(), input)
	for name := range input.QueryParams {
		if parameter(input.Route, name) == nil {
			err = errors.Join(err, fmt.Errorf("the document has no query parameter %q here", name))
		}
	}
	return err
}

func answerError(e *exchange, input *openapi3filter.RequestValidationInput) error {
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: e.Status, Header: e.AnswerHeader, Body: io.NopCloser(strings.NewReader(e.Answer)), Options: input.Options,
	})
}

// checkUnknown is for a call that the document does not have: the operator must not make it, and the answer has to be
// an error in Astro's form, 405 if the path has other methods.
func (d *document) checkUnknown(v *verdict, e *exchange, at *url.URL, known bool) {
	if !strings.HasPrefix(at.Path, base+"/") {
		v.skipped = "outside of " + base
		return
	}
	if undescribed(at.Path) {
		v.skipped = "path that a document may be without"
		return
	}
	if e.byOperator() {
		v.add(sideRequest, errors.New("the document has no such operation"))
	}
	if v.skipped = e.saysNothing(); v.skipped != "" {
		return
	}
	want := http.StatusNotFound
	if known {
		want = http.StatusMethodNotAllowed
	}
	if !slices.Contains([]int{want, http.StatusUnauthorized, http.StatusForbidden}, e.Status) {
		v.add(sideAnswer, fmt.Errorf("status %d instead of %d for what the document does not have", e.Status, want))
		return
	}
	var body any
	if err := json.Unmarshal([]byte(e.Answer), &body); err != nil {
		v.add(sideAnswer, err)
		return
	}
	v.add(sideAnswer, d.errorBody.VisitJSON(body, openapi3.MultiErrors(), openapi3.VisitAsResponse()))
}

// reasons are the single reasons within an error.
func reasons(err error) []string {
	var several openapi3.MultiError
	var request *openapi3filter.RequestError
	var answer *openapi3filter.ResponseError
	var schema *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case isA(err, &several):
		return eachReason(several, "")
	case isA(err, &request):
		prefix := ""
		if request.Parameter != nil {
			prefix = "parameter " + request.Parameter.Name + ": "
		}
		if request.Err == nil {
			return []string{prefix + request.Error()}
		}
		return eachReason([]error{request.Err}, prefix)
	case isA(err, &answer) && answer.Err != nil:
		return eachReason([]error{answer.Err}, "")
	case isA(err, &schema):
		return []string{"/" + strings.Join(withoutIndexes(schema.JSONPointer()), "/") + ": " + schema.Reason}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return eachReason(joined.Unwrap(), "")
	}
	return []string{err.Error()}
}

func isA[T error](err error, target *T) bool {
	is, ok := err.(T) //nolint:errorlint // this error itself, not one within
	*target = is
	return ok
}

func eachReason(errs []error, prefix string) (all []string) {
	for _, err := range errs {
		for _, reason := range reasons(err) {
			all = append(all, prefix+reason)
		}
	}
	return all
}

// withoutIndexes puts a star in place of each index, so that the same deviation in many rows is one.
func withoutIndexes(pointer []string) []string {
	pointer = slices.Clone(pointer)
	for i, part := range pointer {
		if strings.Trim(part, "0123456789") == "" {
			pointer[i] = "*"
		}
	}
	return pointer
}
