package docs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// store is the API server's etcd, through which a cluster is made as good as new in no time.
type store struct {
	url    string
	before map[string]bool // the keys of a new cluster
}

// every is the range of all keys.
var every = map[string]any{"key": []byte{0}, "range_end": []byte{0}, "keys_only": true}

func openStore(ctx context.Context, url string) (*store, error) {
	s := &store{url: url, before: map[string]bool{}}
	keys, err := s.keys(ctx)
	for _, k := range keys {
		s.before[k] = true
	}
	return s, err
}

// compacted is where the API server keeps how far it has thrown old revisions away, from five minutes after its start on.
// It does so every five minutes and ends with a panic if the key is gone then.
const compacted = "compact_rev_key"

// reset removes what a new cluster does not have. What belongs to Kubernetes itself may come late and stays.
func (s *store) reset(ctx context.Context) error {
	keys, err := s.keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if s.before[k] || k == compacted || strings.Contains(k, "/kube-") || strings.Contains(k, "/system:") {
			continue
		}
		if err := s.ask(ctx, "deleterange", map[string]any{"key": []byte(k)}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) keys(ctx context.Context) (all []string, err error) {
	var found struct {
		Kvs []struct{ Key []byte }
	}
	if err := s.ask(ctx, "range", every, &found); err != nil {
		return nil, err
	}
	for _, kv := range found.Kvs {
		all = append(all, string(kv.Key))
	}
	return all, nil
}

func (s *store) ask(ctx context.Context, verb string, question, into any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v3/kv/"+verb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd: %s", answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func TestResetKeepsTheAPIServerAlive(t *testing.T) {
	const ours = "/registry/configmaps/default/ours"
	for _, key := range []string{compacted, ours} {
		must(t, cluster.ask(t.Context(), "put", map[string]any{"key": []byte(key), "value": []byte("1")}, nil))
	}
	must(t, cluster.reset(t.Context()))
	keys, err := cluster.keys(t.Context())
	must(t, err)
	if !slices.Contains(keys, compacted) {
		t.Errorf("without %s the API server ends at its next compaction", compacted)
	}
	if slices.Contains(keys, ours) {
		t.Errorf("%s is left", ours)
	}
}
