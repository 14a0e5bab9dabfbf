package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// history is the actions that lead to a node.
func (f *found) history(at int32) (all []action) {
	for ; f.nodes[at].parent >= 0; at = f.nodes[at].parent {
		all = append(all, f.nodes[at].by)
	}
	slices.Reverse(all)
	return all
}

// replayString is a history in a word that -replay takes.
func replayString(sc *scenario, bound int, all []action) string {
	var raw []byte
	for _, a := range all {
		raw = append(raw, a.kind, a.arg)
	}
	return fmt.Sprintf("%s/%d/%s", sc.name, bound, hex.EncodeToString(raw))
}

// parseReplay reads what replayString made.
func parseReplay(text string) (*scenario, int, []action, error) {
	parts := strings.Split(strings.TrimSpace(text), "/")
	if len(parts) != 3 {
		return nil, 0, nil, fmt.Errorf("a history is scenario/bound/steps, not %q", text)
	}
	at := slices.IndexFunc(scenarios, func(sc scenario) bool { return sc.name == parts[0] })
	if at < 0 {
		return nil, 0, nil, fmt.Errorf("there is no scenario %q", parts[0])
	}
	bound := 1
	if _, err := fmt.Sscanf(parts[1], "%d", &bound); err != nil {
		return nil, 0, nil, fmt.Errorf("bound %q: %w", parts[1], err)
	}
	raw, err := hex.DecodeString(parts[2])
	if err != nil {
		return nil, 0, nil, fmt.Errorf("steps: %w", err)
	}
	var all []action
	for i := 0; i+1 < len(raw); i += 2 {
		all = append(all, action{raw[i], raw[i+1]})
	}
	return &scenarios[at], bound, all, nil
}

// replay tells a history, a line a step, then what the operator does where it is left alone, if that is wanted.
func replay(w io.Writer, sc *scenario, bound int, all []action, verbose bool) error {
	s := sc.begin(bound)
	fmt.Fprintf(w, "scenario %s: %s\n", sc.name, sc.reason)
	for i, a := range all {
		if !slices.Contains(s.actions(), a) && a.kind != timePasses {
			fmt.Fprintf(w, "%3d %s: not possible here\n", i+1, words[a.kind])
			return fmt.Errorf("step %d is not possible", i+1)
		}
		fmt.Fprintf(w, "%3d %s\n", i+1, s.tell(a))
		next, err := guarded(&s, a)
		if err != nil {
			fmt.Fprintf(w, "    VIOLATION: %v\n", err)
			return err
		}
		if verbose {
			next.print(w, &s)
		}
		s = next
	}
	_, trail, err := s.rest(func(hash) bool { return false })
	if err == nil {
		fmt.Fprintln(w, "    comes to rest as declared")
		return nil
	}
	fmt.Fprintln(w, "    then the operator is left alone:")
	s = s.atEase()
	for i, a := range trail {
		fmt.Fprintf(w, "%3d %s\n", len(all)+i+1, s.tell(a))
		next, err := guarded(&s, a)
		if verbose {
			next.print(w, &s)
		}
		s = next
		if err != nil {
			break
		}
	}
	fmt.Fprintf(w, "    VIOLATION: %v\n", err)
	return err
}

// tell says what the reconcile is about to do.
func (r *run) tell() string {
	switch e := r.effect.(type) {
	case decision.Read:
		return "reads the token"
	case decision.ReadForWrite:
		return "waits for a slot and reads the token"
	case decision.AddFinalizers:
		return "adds the finalizer to " + string(e.Bindings[r.at])
	case decision.WriteJournal:
		var uids []types.UID
		for uid := range e.Claims {
			uids = append(uids, uid)
		}
		slices.Sort(uids)
		return fmt.Sprintf("writes the journal for %v", uids)
	case decision.MayRevoke:
		return "asks the revocation limit"
	case decision.Post:
		if r.sent {
			return "takes in what became of its write"
		}
		var all []string
		for _, c := range e.Changes {
			all = append(all, fmt.Sprintf("%s on %s", c.Change, c.Target.ID))
		}
		return "sends a write: " + strings.Join(all, ", ")
	case decision.Withdraw:
		return fmt.Sprintf("withdraws %v from the journal", e.Bindings)
	case decision.Clear:
		return fmt.Sprintf("clears %v in the journal", e.Bindings)
	case decision.Report:
		if r.at == len(r.ops) {
			return "ends its report"
		}
		op := r.ops[r.at]
		if op.release {
			return "takes the finalizer off " + string(op.statement.UID)
		}
		return "writes the status of " + string(op.statement.UID) + tellStatus(op.statement)
	default:
		return fmt.Sprintf("%T", e)
	}
}

func tellStatus(st decision.Statement) string {
	text := ""
	for _, c := range st.Status.Conditions {
		if c.Type == "Ready" {
			text = fmt.Sprintf(": Ready %s, %s", c.Status, c.Reason)
		}
	}
	if isHeld(st.Status.Claim) {
		text += fmt.Sprintf(", claimed at %d", st.Status.Claim.ClaimedAt.UnixMicro()-epoch.UnixMicro())
	}
	return text
}

// print shows a state, where something differs from the one before.
func (s *state) print(w io.Writer, before *state) {
	for n := range names {
		o := s.server[n]
		if o == before.server[n] || o == nil {
			continue
		}
		fmt.Fprintf(w, "      %s: uid %s, %s on %s, version %s, finalizer %t, deleting %t, claims %t\n", names[n], o.UID, o.Spec.Role,
			o.Spec.Target.ID, o.ResourceVersion, finalized(o.ScopedTokenBinding), o.DeletionTimestamp != nil, claims(o.ScopedTokenBinding))
	}
	if s.astro.now != before.astro.now {
		fmt.Fprintf(w, "      Astro: %q on d1, %q on d2\n", roles[s.astro.now.on[0]], roles[s.astro.now.on[1]])
	}
	if len(s.stored) != len(before.stored) {
		fmt.Fprintf(w, "      journal: %d entries\n", len(s.stored))
	}
}
