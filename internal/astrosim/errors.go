package astrosim

import (
	"fmt"
	"net/http"
)

// apiError is Astro's error body.
type apiError struct {
	Message     string       `json:"message"`
	RequestID   string       `json:"requestId"`
	StatusCode  int          `json:"statusCode"`
	FieldErrors []fieldError `json:"fieldErrors,omitempty"`
}

// fieldError is one constraint of a request that was not met.
type fieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func refuse(status int, format string, args ...any) *apiError {
	return &apiError{StatusCode: status, Message: fmt.Sprintf(format, args...)}
}

func invalid(fields ...fieldError) *apiError {
	return &apiError{StatusCode: http.StatusBadRequest, Message: "Invalid request: " + fields[0].Message, FieldErrors: fields}
}

func field(name, code, format string, args ...any) fieldError {
	return fieldError{Field: name, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notFound(kind, id string) *apiError {
	return refuse(http.StatusNotFound, "%s with id '%s' not found", kind, id)
}

func forbidden() *apiError {
	return refuse(http.StatusForbidden, "Forbidden: the subject lacks the permission for this request")
}

// answer is what a request gets: a status and a body, or an error in Astro's form.
type answer struct {
	status int
	body   []byte
}

func ok(body []byte) answer { return answer{http.StatusOK, body} }
