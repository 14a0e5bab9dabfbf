package decision

import (
	"fmt"
	"testing"
	"time"
)

// TestManyCredentials: connections whose credentials come and go leave nothing behind.
func TestManyCredentials(t *testing.T) {
	a := binding("a")
	few := Memory{}.writer("credential of acme", false).writer("credential of other", false)
	differ(t, "A credential may be used again.", "writers", few.Writers, Begin(situation(a, remembered(func(Memory) Memory { return few }))).Situation.Memory.Writers)
	many := few
	for i := range manyCredentials {
		many = many.writer(fmt.Sprint(i), true).undecided(fmt.Sprint(i), now)
	}
	m := Begin(situation(a, remembered(func(Memory) Memory { return many }))).Situation.Memory
	differ(t, "One that is used stays.", "writers", map[string]bool{"credential of acme": false}, m.Writers)
	differ(t, "The others are forgotten.", "undecided", map[string]time.Time{}, m.Undecided)
}
