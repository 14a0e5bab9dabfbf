package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// longest is how long after its reading a write may come before a change made in between counts as overwritten. Between
// the two lies one round trip; the rest is for a busy machine.
const longest = time.Second

// identity is what makes two entries of a role set the same entry.
type identity struct{ kind, id, deployment string }

func identityOf(r astrosim.Role) identity { return identity{r.EntityType, r.EntityID, r.DeploymentID} }

// judgeWrite puts one write of the operator to the promises: it starts from a reading of its own, changes only what some
// binding has held, to what some binding has declared, and leaves every other byte as it was read.
func (w *world) judgeWrite(a *attempt) {
	sent := a.sent
	effect := "no effect"
	if a.entry != nil {
		effect = "refused: " + a.entry.Cause
		if a.entry.Status == 200 {
			effect = "done"
		}
	}
	w.history.notef("write", "%s: %v (%s)", a.token, sent, effect)
	if w.isCredential(a.token) {
		w.violationf(foreign, "the operator writes the credential %s", a.token)
	}
	if a.read == nil {
		w.violationf(foreign, "the write of %s starts from no reading of its own", a.token)
		return
	}
	w.judgeChange(a, byIdentity(a.read.roles), byIdentity(sent))
	w.judgeUndone(a)
	if a.entry != nil && !sameEntries(a.read.truth(), a.entry.Before) {
		w.tally.add("changed_between_read_and_write", 1)
		if gap := a.at.Sub(a.read.at); gap > longest {
			w.violationf(foreign, "the write of %s comes %s after its reading, and overwrites what was changed in between", a.token, gap)
		}
	}
}

func byIdentity(roles []astrosim.Role) map[identity]astrosim.Role {
	all := map[identity]astrosim.Role{}
	for _, r := range roles {
		all[identityOf(r)] = r
	}
	return all
}

func (w *world) judgeChange(a *attempt, read, sent map[identity]astrosim.Role) {
	same := true
	for id, was := range read {
		is, stays := sent[id]
		switch {
		case !stays:
			same = false
			w.judgeEntry(a, id, was, nil)
		case !bytes.Equal(was.Raw, is.Raw):
			same = false
			w.judgeEntry(a, id, was, &is)
		}
	}
	for id, is := range sent {
		if _, was := read[id]; !was {
			same = false
			w.judgeEntry(a, id, astrosim.Role{}, &is)
		}
	}
	if same {
		w.violationf(needless, "the write of %s sends back what was read", a.token)
	}
}

// judgeEntry judges one changed entry: is is nil for one taken out, and was empty for one put in.
func (w *world) judgeEntry(a *attempt, id identity, was astrosim.Role, is *astrosim.Role) {
	p := place{a.token, id.kind, id.id}
	if !w.wasHeld(a, p) {
		if is == nil && w.plan.dropDangling && w.isGone(id) {
			return
		}
		if is == nil && w.mayRemove(p, was.Role) {
			return
		}
		w.violationf(foreign, "the write of %s changes %v to %v, on which nobody has held a claim", a.token, was, is)
		return
	}
	if is == nil {
		w.judgeObserved(a, p, was, astrosim.Role{})
		return
	}
	w.judgeObserved(a, p, was, *is)
	if !w.everDeclared(p, is.Role) {
		w.violationf(foreign, "the write of %s puts %v where nobody has declared that role", a.token, is)
	}
	if len(was.Raw) > 0 && !sameBesidesRole(was.Raw, is.Raw) {
		w.violationf(foreign, "the write of %s changes more of %s than its role: %s", a.token, was.Raw, is.Raw)
	}
}

// wasHeld says whether a claim on the place is, or was, held, or stood in the journal before the write. A claim may have
// been taken without anybody seeing the answer, so the objects are asked as well.
func (w *world) wasHeld(a *attempt, p place) bool {
	if entered := w.entered(a.journal, p); len(entered) > 0 {
		w.facts.enter(p, entered)
		return true
	}
	if w.facts.wasHeld(p) {
		return true
	}
	bindings, err := w.bindings()
	for i := range bindings { // the checker's own watch may be behind
		w.facts.observeFirst(&bindings[i])
	}
	if entered := w.entered(a.journal, p); len(entered) > 0 {
		w.facts.enter(p, entered)
		return true
	}
	return err != nil || slices.ContainsFunc(bindings, func(b v1alpha1.ScopedTokenBinding) bool {
		held := w.claimOf(&b)
		return held != nil && held.place == p
	})
}

// entered are the bindings that stand in the journal and declare the place.
func (w *world) entered(journal string, p place) (uids []types.UID) {
	token, target := w.find(p.token), w.find(p.target)
	if journal == "" || token == nil || target == nil {
		return nil
	}
	w.facts.mu.Lock()
	defer w.facts.mu.Unlock()
	for uid, b := range w.facts.objects {
		if strings.Contains(journal, string(uid)) && declares(b.Spec, p.kind, token, target) {
			uids = append(uids, uid)
		}
	}
	return uids
}

// isGone says whether an entry is of a Workspace or Deployment that is gone.
func (w *world) isGone(id identity) bool {
	for _, e := range []*entity{w.find(id.id), w.find(id.deployment)} {
		if e != nil && e.gone {
			return true
		}
	}
	return false
}

// sameBesidesRole compares two entries but for their role.
func sameBesidesRole(a, b []byte) bool {
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || len(x) != len(y) {
		return false
	}
	for k, v := range x {
		if k != "role" && !bytes.Equal(v, y[k]) {
			return false
		}
	}
	return true
}

// sameEntries compares two sets, whatever their order.
func sameEntries(a, b []astrosim.Role) bool {
	x, y := byIdentity(a), byIdentity(b)
	if len(x) != len(y) {
		return false
	}
	for id, r := range x {
		if !bytes.Equal(r.Raw, y[id].Raw) {
			return false
		}
	}
	return true
}
