package astrosim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
)

// RecordVariable is the environment variable that names the folder for recorded exchanges where Options name none, so
// that every program that has a simulated Astro can be recorded without a change.
const RecordVariable = "ASTROSIM_RECORD"

// Exchange is one recorded call and its answer, a line of JSON in a file of the folder. The credential is not recorded.
type Exchange struct {
	Method string      `json:"method"`
	URL    string      `json:"url"` // path and query
	Header http.Header `json:"header"`
	Body   string      `json:"body,omitempty"`

	Status       int         `json:"status"` // 0 if the client got no whole answer
	AnswerHeader http.Header `json:"answerHeader,omitempty"`
	Answer       string      `json:"answer,omitempty"`
	// Fault is set where an injected fault made or cut the answer: it says nothing of how Astro answers.
	Fault FaultKind `json:"fault,omitempty"`
}

// recorder writes exchanges to a file of its own; the nil recorder writes none.
type recorder struct {
	mu   sync.Mutex
	file *os.File // nil once closed
}

func newRecorder(folder string) (*recorder, error) {
	folder = cmp.Or(folder, os.Getenv(RecordVariable))
	if folder == "" {
		return nil, nil //nolint:nilnil // the nil recorder is one
	}
	if err := os.MkdirAll(folder, 0o750); err != nil { //nolint:gosec // who starts the program names the folder
		return nil, err
	}
	file, err := os.CreateTemp(folder, "exchanges-*.jsonl")
	return &recorder{file: file}, err
}

// record keeps the exchange. It panics if it cannot, as a record with gaps would prove nothing.
func (r *recorder) record(request *http.Request, c *call, a answer, header http.Header) {
	if r == nil {
		return
	}
	e := Exchange{
		Method: c.method, URL: request.URL.RequestURI(), Header: request.Header.Clone(), Body: string(c.body),
		Status: a.status, AnswerHeader: header, Answer: string(a.body), Fault: c.faults.kind(),
	}
	e.Header.Del("Authorization")
	if c.faults.cut != nil {
		e.Status, e.AnswerHeader, e.Answer = 0, nil, ""
	}
	line, err := json.Marshal(e)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.file == nil {
			return // a call outlived the simulated Astro
		}
		_, err = r.file.Write(append(line, '\n'))
	}
	if err != nil {
		panic(fmt.Sprintf("astrosim: record an exchange: %v", err))
	}
}

// kind is the fault that made or cut the answer, if any did.
func (a *appliedFaults) kind() FaultKind {
	if f := cmp.Or(a.cut, a.instead); f != nil {
		return f.Kind
	}
	return ""
}

func (r *recorder) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}
