package astrosim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const adminPath = "/_sim"

// adminCommands are the administration of a running simulator: what a shell script with curl needs to show what Astro
// holds, to make drift and to make trouble. A {token}, {workspace} or {deployment} is a name or an id.
var adminCommands = []struct {
	pattern, help string
	run           func(*Sim, *adminRequest) (any, error)
}{
	{"GET /_sim/state", "everything Astro holds", (*Sim).adminState},
	{"GET /_sim/tokens", "all tokens", (*Sim).adminTokens},
	{"GET /_sim/tokens/{token}/roles", "a token's roles", (*Sim).adminRoles},
	{"GET /_sim/tokens/{token}/credential", "a token's secret", (*Sim).adminCredential},
	{"POST /_sim/tokens/{token}/grant", "give a role behind everybody's back: workspace= or deployment=, role=; or json=", (*Sim).adminGrant},
	{"POST /_sim/tokens/{token}/revoke", "take a role away likewise: workspace= or deployment=; or entityType=, entityId=", (*Sim).adminRevoke},
	{"POST /_sim/tokens/{token}/rename", "to=", (*Sim).adminRenameToken},
	{"POST /_sim/tokens/{token}/rotate", "give it another secret, and print it", (*Sim).adminRotate},
	{"POST /_sim/tokens/{token}/revoke-credential", "its calls get 401 from now on", (*Sim).adminRevokeCredential},
	{"POST /_sim/tokens/{token}/restore-credential", "undo that", (*Sim).adminRestoreCredential},
	{"POST /_sim/tokens/{token}/downgrade", "role= on its own scope", (*Sim).adminDowngrade},
	{"DELETE /_sim/tokens/{token}", "delete a token", (*Sim).adminDeleteToken},
	{"POST /_sim/workspaces/{workspace}/rename", "to=", (*Sim).adminRenameWorkspace},
	{"POST /_sim/workspaces", "make a Workspace and print its id: name=; organization= if there are several, id=", (*Sim).adminAddWorkspace},
	{"DELETE /_sim/workspaces/{workspace}", "delete a Workspace and its Deployments", (*Sim).adminDeleteWorkspace},
	{"POST /_sim/deployments/{deployment}/rename", "to=", (*Sim).adminRenameDeployment},
	{"POST /_sim/deployments/{deployment}/move", "transfer it: to= a Workspace of its Organization", (*Sim).adminMoveDeployment},
	{"POST /_sim/deployments", "make a Deployment and print its id: name=, workspace=; id=", (*Sim).adminAddDeployment},
	{"DELETE /_sim/deployments/{deployment}", "delete a Deployment", (*Sim).adminDeleteDeployment},
	{"GET /_sim/faults", "the armed faults", (*Sim).adminFaults},
	{"POST /_sim/faults", "arm a fault: kind=, endpoint=, method=, times=, probability=, status=, delay= ...; or JSON", (*Sim).adminInject},
	{"DELETE /_sim/faults", "disarm all", (*Sim).adminClearFaults},
	{"GET /_sim/counts", "calls by method, endpoint and status", (*Sim).adminCounts},
	{"POST /_sim/counts/reset", "count anew", (*Sim).adminResetCounts},
	{"GET /_sim/audit", "every write of roles; token= narrows it", (*Sim).adminAudit},
	{"POST /_sim/audit/reset", "forget the writes so far", (*Sim).adminResetAudit},
	{"GET /_sim/behaviour", "the switches", (*Sim).adminBehaviour},
	{"POST /_sim/behaviour", "NAME=VALUE, any number", (*Sim).adminSetBehaviour},
	{"POST /_sim/latency", "to=80ms", (*Sim).adminLatency},
	{"POST /_sim/limits", "to=true (as published) or to=false", (*Sim).adminLimits},
	{"POST /_sim/reset", "back to the seed file", (*Sim).adminReset},
}

// adminRequest is a request for the administration, with its arguments from query or form.
type adminRequest struct {
	*http.Request
	body []byte
}

// nothing is the result of a command that has none.
type nothing struct{}

// absentError is an entity that the administration was asked for and that is not to be had.
type absentError struct{ message string }

func (e absentError) Error() string { return e.message }

// admin serves the administration. Answers are JSON, or with ?format=table aligned text.
func (s *Sim) admin() http.Handler {
	mux := http.NewServeMux()
	for _, command := range adminCommands {
		mux.HandleFunc(command.pattern, func(w http.ResponseWriter, r *http.Request) { s.runAdmin(w, r, command.run) })
	}
	mux.HandleFunc("GET /_sim/{$}", adminHelp)
	mux.HandleFunc("GET /_sim", adminHelp)
	return mux
}

func adminHelp(w http.ResponseWriter, _ *http.Request) {
	for _, command := range adminCommands {
		_, _ = fmt.Fprintf(w, "%-52s %s\n", command.pattern, command.help)
	}
}

func (s *Sim) runAdmin(w http.ResponseWriter, r *http.Request, run func(*Sim, *adminRequest) (any, error)) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	result, err := run(s, &adminRequest{r, body})
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(absentError)) {
			status = http.StatusNotFound
		}
		http.Error(w, err.Error(), status)
		return
	}
	writeAdmin(w, r.FormValue("format") == "table", result)
}

func writeAdmin(w http.ResponseWriter, asTable bool, result any) {
	t, isTable := result.(tabular)
	text, isText := result.(string)
	_, isNothing := result.(nothing)
	switch {
	case isNothing:
		w.WriteHeader(http.StatusNoContent)
	case isText:
		_, _ = fmt.Fprintln(w, text)
	case asTable && isTable:
		_, _ = io.WriteString(w, t.table())
	default:
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(result)
	}
}

// need reads an argument that must be there.
func (r *adminRequest) need(name string) (string, error) {
	value := r.FormValue(name)
	if value == "" {
		return "", fmt.Errorf("%s= is missing", name)
	}
	return value, nil
}

func (s *Sim) adminFaults(*adminRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := make([]Fault, 0, len(s.faults))
	for _, f := range s.faults {
		faults = append(faults, f.Fault)
	}
	return faults, nil
}

func (s *Sim) adminInject(r *adminRequest) (any, error) {
	f, err := readFault(r)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return nil, err
	}
	s.Inject(f)
	return nothing{}, nil
}

func (s *Sim) adminClearFaults(*adminRequest) (any, error) {
	s.ClearFaults()
	return nothing{}, nil
}

func (s *Sim) adminResetCounts(*adminRequest) (any, error) {
	s.ResetCounts()
	return nothing{}, nil
}

func (s *Sim) adminResetAudit(*adminRequest) (any, error) {
	s.ResetAudit()
	return nothing{}, nil
}

func (s *Sim) adminReset(*adminRequest) (any, error) {
	s.Reset()
	return nothing{}, nil
}

func (s *Sim) adminBehaviour(*adminRequest) (any, error) {
	s.mu.Lock()
	behaviour := s.behaviour
	s.mu.Unlock()
	settings := make(settingsTable, 0, len(switches))
	for _, sw := range switches {
		settings = append(settings, setting{sw.Name, *sw.field(&behaviour), sw.choices()})
	}
	return settings, nil
}

func (s *Sim) adminSetBehaviour(r *adminRequest) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	for name, values := range r.Form {
		if name == "format" {
			continue
		}
		if err := s.SetBehaviour(name, Choice(values[0])); err != nil {
			return nil, err
		}
	}
	return s.adminBehaviour(r)
}

func (s *Sim) adminLatency(r *adminRequest) (any, error) {
	d, err := time.ParseDuration(r.FormValue("to"))
	if err != nil {
		return nil, err
	}
	s.SetLatency(d)
	return nothing{}, nil
}

func (s *Sim) adminLimits(r *adminRequest) (any, error) {
	switch r.FormValue("to") {
	case "true":
		s.SetLimits(PublishedLimits())
	case "false":
		s.SetLimits(Limits{})
	default:
		return nil, errors.New("to= takes true or false")
	}
	return nothing{}, nil
}
