package token

import "sync"

// levels are the priorities over which the edits of one namespace are spread. All of them go before what a sweep found.
const levels = 20

// turns let the namespaces take turns in the work queue. The more tokens wait because of a namespace's edits, the further
// back its next one starts, so that one namespace's flood does not hold another namespace up.
type turns struct {
	mu      sync.Mutex
	waiting map[TokenKey]string // the namespace because of which the token waits
	tokens  map[string]int      // how many tokens wait because of the namespace
	asked   map[TokenKey]string // the namespace for which the token has to be worked on, in the queue and after it
}

func newTurns() *turns {
	return &turns{waiting: map[TokenKey]string{}, tokens: map[string]int{}, asked: map[TokenKey]string{}}
}

// take returns the priority of a token that a namespace's edit puts into the queue.
func (t *turns) take(key TokenKey, namespace string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[key] = namespace
	if _, queued := t.waiting[key]; !queued {
		t.waiting[key] = namespace
		t.tokens[namespace]++
	}
	return -min(t.tokens[namespace]-1, levels)
}

// begin notes that the token has left the queue.
func (t *turns) begin(key TokenKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	namespace, queued := t.waiting[key]
	if !queued {
		return
	}
	delete(t.waiting, key)
	if t.tokens[namespace]--; t.tokens[namespace] == 0 {
		delete(t.tokens, namespace)
	}
}

// askedBy returns the namespace whose edit the token is to be worked on for, if it is one's.
func (t *turns) askedBy(key TokenKey) (namespace string, asked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	namespace, asked = t.asked[key]
	return namespace, asked
}

// served notes that the token was worked on. An edit that came meanwhile is still to be served.
func (t *turns) served(key TokenKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, queued := t.waiting[key]; !queued {
		delete(t.asked, key)
	}
}
