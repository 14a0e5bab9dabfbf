package admission

import "sync"

// levels are the priorities over which the edits of one namespace are spread. All of them go before what a sweep found.
const levels = 20

// Fairness lets the namespaces take turns in the work queue. The more tokens wait because of a namespace's edits, the further
// back its next one starts, so that one namespace's flood does not hold another namespace up.
type Fairness[K comparable] struct {
	mu      sync.Mutex
	waiting map[K]string   // the namespace because of which the token waits
	tokens  map[string]int // how many tokens wait because of the namespace
	asked   map[K]string   // the namespace for which the token has to be worked on, in the queue and after it
}

// NewFairness returns fairness among namespaces of which nobody waits.
func NewFairness[K comparable]() *Fairness[K] {
	return &Fairness[K]{waiting: map[K]string{}, tokens: map[string]int{}, asked: map[K]string{}}
}

// Enqueued returns the priority of a token that a namespace's edit puts into the queue.
func (f *Fairness[K]) Enqueued(key K, namespace string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[key] = namespace
	if _, queued := f.waiting[key]; !queued {
		f.waiting[key] = namespace
		f.tokens[namespace]++
	}
	return -min(f.tokens[namespace]-1, levels)
}

// Dequeued notes that the token has left the queue.
func (f *Fairness[K]) Dequeued(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	namespace, queued := f.waiting[key]
	if !queued {
		return
	}
	delete(f.waiting, key)
	if f.tokens[namespace]--; f.tokens[namespace] == 0 {
		delete(f.tokens, namespace)
	}
}

// AskedBy returns the namespace whose edit the token is to be worked on for, if it is one's.
func (f *Fairness[K]) AskedBy(key K) (namespace string, asked bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	namespace, asked = f.asked[key]
	return namespace, asked
}

// Served notes that the token was worked on. An edit that came meanwhile is still to be served.
func (f *Fairness[K]) Served(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, queued := f.waiting[key]; !queued {
		delete(f.asked, key)
	}
}
