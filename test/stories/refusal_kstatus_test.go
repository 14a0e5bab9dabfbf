package stories

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Tools that wait by kstatus", func() {
	It("wait for what is worked on, and for nothing else", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		ci := func(name string) *builders.BindingBuilder { return builders.Binding(name).ForTokenID(w.ci) }
		w.bind(
			ci("granted").OnDeployment(w.etl), ci("adopted").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
			ci("observed").OnDeployment(w.models).Observe(), ci("suspended").OnDeployment(w.reports).Suspended(),
			ci("bad").OnDeployment(nobody),
		)
		names := []string{"granted", "adopted", "observed", "suspended", "bad"}
		for _, name := range names {
			Expect(w.kstatus(name)).To(Equal(status.InProgressStatus), "nobody has looked at %s", name)
		}

		w.begin()
		for name, state := range map[string]string{
			"granted": "True/Granted", "adopted": "True/Adopted", "observed": "True/WouldChange",
			"suspended": "False/Suspended", "bad": "False/TargetNotFound",
		} {
			w.expect(state, name)
		}
		for _, name := range names {
			want := status.CurrentStatus
			if name == "suspended" || name == "bad" {
				want = status.FailedStatus
			}
			Expect(w.kstatus(name)).To(Equal(want), name)
			Expect(w.condition(name, v1alpha1.ConditionReconciling)).To(BeZero(), name)
		}

		w.stop()
		w.role("granted", "Deploy Only")
		Expect(w.kstatus("granted")).To(Equal(status.InProgressStatus), "the edit was not seen")
		w.delete("granted")
		Expect(w.kstatus("granted")).To(Equal(status.TerminatingStatus))
		w.start()
		w.expect(gone, "granted")
	})
})
