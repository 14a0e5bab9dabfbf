package stories

import (
	"context"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// ofOneRequest is where a message has the id of a request.
var ofOneRequest = regexp.MustCompile(`\(request ([^)]+)\)`)

var _ = Describe("What Astro answers to a write", func() {
	// through is a connection of the other namespace to ci and etl, whose rules show it nothing else.
	through := func(w *world) string {
		return w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {{
			Namespaces: v1alpha1.NamespaceRule{Names: []string{w.other}},
			Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{w.ci}}},
			Targets:    []v1alpha1.TargetRule{{DeploymentIDs: []string{w.etl}}},
			Roles:      []string{"*"},
		}}})["shared"]
	}
	logged := func() *locked {
		tee := &locked{to: &strings.Builder{}}
		GinkgoWriter.TeeTo(tee)
		DeferCleanup(GinkgoWriter.ClearTeeWriters)
		return tee
	}

	It("tells nobody who guesses pieces of the connection's credential that a guess is right", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		cluster := through(w)
		carol := w.editor("carol", w.other)
		secret := w.sim.Credential(w.operator)
		piece := secret[len(secret)-40:][:12]
		said := func(name, role string) string {
			carol.bind(builders.Binding(name).In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl).WithRole(role))
			w.expect("False/RoleNotFound", w.other+"/"+name)
			message := w.message(w.other + "/" + name)
			carol.delete(w.other + "/" + name)
			w.expect(gone, w.other+"/"+name)
			return ofOneRequest.ReplaceAllString(strings.ReplaceAll(message, role, "ROLE"), "")
		}
		wrong := said("guess", "another-word")
		Expect(wrong).To(ContainSubstring("ROLE"))
		Expect(said("guess", piece)).To(Equal(wrong))
		Expect(w.dump()).NotTo(ContainSubstring("[redacted]"))
	})

	It("names no target to a binding that its rules do not show to it, and is in the log by the request id", func(ctx context.Context) {
		w := emptyWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{DeploymentDeletion: astrosim.Keep}})
		w.sim.GrantRole(w.ci, "DEPLOYMENT", w.models, "DEPLOYMENT_ADMIN")
		w.sim.DeleteDeployment(w.models)
		log := logged()
		w.start()
		b := w.other + "/b"
		w.bind(builders.Binding("b").In(w.other).ThroughCluster(through(w)).ForTokenID(w.ci).OnDeployment(w.etl).WithRole("DEPLOYMENT_ADMIN"))
		w.expect("False/RefusedByAstro", b)
		Expect(w.message(b)).To(ContainSubstring("on targets that the rules do not show here"))
		Expect(w.dump()).NotTo(ContainSubstring(w.models))
		id := ofOneRequest.FindStringSubmatch(w.message(b))
		Expect(id).NotTo(BeNil(), "%s", w.message(b))
		Expect(strings.Split(log.String(), "\n")).To(ContainElement(And(ContainSubstring(id[1]), ContainSubstring(w.models))))
	})
})
