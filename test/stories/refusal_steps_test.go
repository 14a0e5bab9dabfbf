package stories

import (
	"cmp"
	"slices"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// nobody is an id as Astro makes them, which nothing has.
const nobody = "cnobodyhasthisid000000000"

// begin starts the operator of an empty world, once Astro is seeded as the story needs it.
func (w *world) begin() {
	GinkgoHelper()
	w.start()
	w.connect(w.namespace)
}

// refusal is a binding that gets nothing, and what its user has to read.
type refusal struct {
	binding *builders.BindingBuilder
	reason  string
	says    []string // the object, and the next step
}

// refuse makes the bindings, and checks that each is told what is wrong and that Astro is asked for nothing.
func (w *world) refuse(refusals ...refusal) {
	GinkgoHelper()
	w.untouched(func() {
		for _, r := range refusals {
			w.bind(r.binding)
		}
		for _, r := range refusals {
			o := r.binding.Object()
			w.refused(cmp.Or(o.Namespace, w.namespace)+"/"+o.Name, r.reason, r.says...)
		}
	})
}

// refused checks that a binding is refused in a way that its user has to fix.
func (w *world) refused(name, reason string, says ...string) {
	GinkgoHelper()
	w.expect("False/"+reason, name)
	w.told(name, says...)
	Expect(w.stalled(name)).To(BeTrue(), name+" waits for its user")
	Expect(w.condition(name, v1alpha1.ConditionReconciling)).To(BeZero(), name)
	Expect(w.kstatus(name)).To(Equal(status.FailedStatus), name)
}

// waiting checks that a binding waits for something that gets better by itself.
func (w *world) waiting(name, reason string, says ...string) {
	GinkgoHelper()
	w.expect("Unknown/"+reason, name)
	w.told(name, says...)
	Expect(w.stalled(name)).To(BeFalse(), name+" waits for no user")
	Expect(string(w.condition(name, v1alpha1.ConditionReconciling).Status)).To(Equal("True"), name)
	Expect(w.kstatus(name)).To(Equal(status.InProgressStatus), name)
}

// told checks what the message says, and that the answers behind the first that is not True do not claim to be.
func (w *world) told(name string, says ...string) {
	GinkgoHelper()
	ready := w.condition(name, v1alpha1.ConditionReady)
	for _, words := range says {
		Expect(ready.Message).To(ContainSubstring(words), name)
	}
	Expect(ready.Message).NotTo(ContainSubstring(w.sim.Credential(w.operator)), "a secret")
	Expect(ready.ObservedGeneration).To(Equal(w.binding(name).Generation))
	var answers []string
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced} {
		c := w.condition(name, kind)
		Expect(c.Reason).NotTo(BeEmpty(), "%s has no condition %s", name, kind)
		answers = append(answers, string(c.Status))
	}
	first := slices.IndexFunc(answers, func(s string) bool { return s != "True" })
	Expect(first).To(BeNumerically(">=", 0), "%s: an answer is not True", name)
	for _, answer := range answers[first+1:] {
		Expect(answer).To(Equal("Unknown"), "%s: %q", name, answers)
	}
}

// untouched checks that nothing which happens meanwhile changes a role in Astro.
func (w *world) untouched(meanwhile func()) {
	GinkgoHelper()
	before, writes := w.everyRole(), len(w.sim.Audit())
	meanwhile()
	w.waitIdle()
	Expect(w.everyRole()).To(Equal(before))
	for _, write := range w.sim.Audit()[writes:] {
		Expect(write.Changed()).To(BeFalse(), "%+v", write)
	}
}

// unwritten checks that nothing which happens meanwhile even tries to write to Astro.
func (w *world) unwritten(meanwhile func()) {
	GinkgoHelper()
	Expect(w.costOf(func() { w.untouched(meanwhile) }).Writes).To(BeZero())
}

// everyRole is the role set of every token.
func (w *world) everyRole() map[string][]string {
	all := map[string][]string{}
	for _, t := range w.sim.Tokens(w.org) {
		all[t.ID] = w.roles(t.ID)
	}
	return all
}

// decide turns a switch of the simulated Astro.
func (w *world) decide(name string, choice astrosim.Choice) {
	GinkgoHelper()
	Expect(w.sim.SetBehaviour(name, choice)).To(Succeed())
}
