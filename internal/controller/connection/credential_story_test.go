package connection

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

var _ = Describe("The credential of a connection", func() {
	It("is waited for, and its Secret noticed when it comes", func(ctx SpecContext) {
		s := newStory(ctx).connect()
		Expect(s.expect("False/SecretNotFound")).To(And(ContainSubstring(s.namespace+"/astro-api"), ContainSubstring("create it")))
		Expect(s.handle().Ready).To(BeFalse())
		Expect(s.handle().Reason).To(Equal("SecretNotFound"))
		notices.forget()

		s.credential(s.sim.Credential(s.self)).expect("True/Connected")
		Expect(s.handle().Ready).To(BeTrue())
		Eventually(func() []Notice { return notices.of(s.key()) }).Should(ContainElement(Notice{Connection: s.key(), All: true}))
		Expect(s.get().Status).To(And(
			HaveField("OrganizationName", "Acme"), HaveField("CredentialTokenID", s.self), HaveField("ObservedGeneration", s.conn.Generation)))
		Expect(s.conn.Finalizers).To(ConsistOf(v1alpha1.FinalizerInUse))
		Expect(registry.CredentialOf(s.handle().Host, s.self)).NotTo(BeEmpty())
	})

	It("must stand under the key that is named", func(ctx SpecContext) {
		s := newStory(ctx).secret(map[string]string{"other": "x"}).connect()
		Expect(s.expect("False/SecretKeyMissing")).To(ContainSubstring(`has no key "token"`))
		s.secret(map[string]string{"token": " \n"})
		Eventually(func() string { return s.ready().Message }).Should(ContainSubstring(`holds nothing under key "token"`))
		Expect(s.sim.Counts().Total).To(BeZero())
	})

	It("must be an API token", func(ctx SpecContext) {
		s := newStory(ctx).credential("hunter2-is-no-token").connect()
		Expect(s.expect("False/CredentialRejected")).NotTo(ContainSubstring("hunter2"))
		Expect(s.sim.Counts().Total).To(BeZero())
	})

	It("must be the token alone, and what else it is has a name", func(ctx SpecContext) {
		s := newStory(ctx)
		good := s.sim.Credential(s.self)
		s.credential("Bearer " + good).connect()
		Expect(s.expect("False/CredentialRejected")).To(ContainSubstring(`Secret %s/astro-api, key "token": the value begins with "Bearer"; put an API token`, s.namespace))
		for _, dirty := range []struct{ value, kind string }{
			{good[:76] + "\n" + good[76:], "a line break inside"},
			{good + "\n# rotated in January", "a line break inside"},
			{`"` + good + `"`, "in quotes"},
			{"ASTRO_API_TOKEN=" + good, "an assignment"},
			{`{"token":"` + good + `"}`, "is JSON"},
			{"\ufeff" + good, "a byte order mark"},
			{good[:20] + "\u200b" + good[20:], "cannot be seen"},
			{base64.StdEncoding.EncodeToString([]byte(good)), "base64 once more"},
			{good + "\n" + good, "more than one token"},
			{"\xff\xfee\x00y\x00J\x00", "UTF-16"},
		} {
			s.credentialBytes([]byte(dirty.value))
			Eventually(func() string { return s.ready().Message }).Should(ContainSubstring(dirty.kind))
			Expect(s.ready()).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", "CredentialRejected")))
			Expect(meta.IsStatusConditionTrue(s.conn.Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue(), dirty.kind)
			status, err := json.Marshal(s.conn.Status)
			Expect(err).NotTo(HaveOccurred())
			for part := range strings.SplitSeq(good, ".") {
				Expect(string(status)).NotTo(ContainSubstring(part[:6]))
			}
		}
		Expect(s.sim.Counts().Total).To(BeZero(), "nothing is sent that is known to be no token")
		s.credential("\n  " + good + "\r\n\n").expect("True/Connected")
	})

	It("must not have expired", func(ctx SpecContext) {
		s := newStory(ctx)
		old := s.sim.AddOrganizationToken(s.org, "old", "ORGANIZATION_OWNER", astrosim.Expires(time.Now().Add(-time.Hour)))
		s.credential(s.sim.Credential(old)).connect()
		Expect(s.expect("False/CredentialRejected")).To(ContainSubstring("expired on"))
		Expect(s.sim.Counts().Total).To(BeZero())
	})

	It("stops counting when it expires", func(ctx SpecContext) {
		s := newStory(ctx).connect()
		worked := false
		for life := 3 * time.Second; !worked; life *= 2 { // long enough to be seen to work, however slow the machine is
			ends := time.Now().Add(life)
			short := s.sim.AddOrganizationToken(s.org, "short", "ORGANIZATION_OWNER", astrosim.Expires(ends))
			s.credential(s.sim.Credential(short))
			Eventually(func() bool {
				worked = s.ready().Reason == "Connected" && s.conn.Status.CredentialTokenID == short
				return worked || time.Now().After(ends)
			}).Should(BeTrue())
		}
		Expect(s.expect("False/CredentialRejected")).To(ContainSubstring("expired on"))
		Expect(s.handle().Ready).To(BeFalse())
	})

	It("is warned of before it expires, and is Ready until then", func(ctx SpecContext) {
		s := newStory(ctx).connect()
		warning := func() string {
			if c := meta.FindStatusCondition(s.get().Status.Conditions, v1alpha1.ConditionWarning); c != nil {
				return c.Reason + ": " + c.Message
			}
			return ""
		}
		Consistently(warning, "300ms").Should(BeEmpty())
		old := s.sim.AddOrganizationToken(s.org, "old", "ORGANIZATION_OWNER", astrosim.Expires(time.Now().Add(5*24*time.Hour)))
		s.credential(s.sim.Credential(old))
		Eventually(warning).Should(And(HavePrefix("CredentialExpires: API token "+old), ContainSubstring("within 7 days")))
		Expect(s.expect("True/Connected")).NotTo(BeEmpty())
		next := s.sim.AddOrganizationToken(s.org, "next", "ORGANIZATION_OWNER", astrosim.Expires(time.Now().Add(90*24*time.Hour)))
		s.credential(s.sim.Credential(next))
		Eventually(warning).Should(BeEmpty())
	})

	It("must be of the Organization, by its own claim and by Astro's word", func(ctx SpecContext) {
		s := newStory(ctx)
		other := s.sim.AddOrganization("Other")
		s.credential(s.sim.Credential(s.sim.AddOrganizationToken(other, "theirs", "ORGANIZATION_OWNER"))).connect()
		Expect(s.expect("False/OrganizationMismatch")).To(And(ContainSubstring(other), ContainSubstring(s.org)))
		Expect(s.sim.Counts().Total).To(BeZero(), "a credential that says itself that it is another's is not even tried")

		forged := forge(s.self, s.org)
		s.credential(forged).expect("False/CredentialRejected")
		Expect(s.handle().Ready).To(BeFalse())
		Expect(registry.CredentialOf(s.handle().Host, s.self)).To(BeEmpty(), "a claim that was not proven protects no token")
		status, err := json.Marshal(s.get().Status)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(status)).NotTo(ContainSubstring(forged[len(forged)-20:]))
	})

	It("is sent to allowed hosts only", func(ctx SpecContext) {
		s := newStory(ctx)
		s.conn.Spec.APIURL = "http://127.0.0.1:1"
		s.credential(s.sim.Credential(s.self)).connect()
		Expect(s.expect("False/HostNotAllowed")).To(ContainSubstring("--allowed-api-hosts=127.0.0.1:1"))
	})

	It("may be rotated without a restart, a listing or a binding touched", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		before, pages, proofs := s.handle(), s.pages(), s.proofs()
		notices.forget()
		s.credential(s.sim.RotateToken(s.self))
		Eventually(s.proofs).Should(Equal(proofs + 1))
		Consistently(func() string { return s.ready().Reason }, "500ms").Should(Equal("Connected"))
		Expect(s.pages()).To(Equal(pages))
		Expect(notices.of(s.key())).To(BeEmpty())
		Eventually(func() error {
			_, err := before.Client.GetToken(ctx, s.self)
			return err
		}).Should(Succeed(), "whoever still has the old handle works with the new secret")
	})

	It("may be replaced by another token's", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		next := s.sim.AddOrganizationToken(s.org, "next", "ORGANIZATION_OWNER")
		s.credential(s.sim.Credential(next))
		Eventually(func() string { return s.handle().SelfID }).Should(Equal(next))
		Eventually(func() string { return s.get().Status.CredentialTokenID }).Should(Equal(next))
		Expect(registry.CredentialOf(s.handle().Host, s.self)).To(BeEmpty())
		Expect(registry.CredentialOf(s.handle().Host, next)).NotTo(BeEmpty())
	})

	It("costs Astro few proofs, however often it is replaced, and the last one counts", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		good, proofs := s.sim.Credential(s.self), s.sim.Counts().ByEndpoint[astrosim.OrganizationGet]
		began, told := time.Now(), false
		for i := range 60 {
			s.credential(fmt.Sprintf("%s%02d", good[:len(good)-2], i))
			time.Sleep(50 * time.Millisecond)
			told = told || strings.Contains(s.ready().Message, "another API token is in the Secret by now: the operator tries it within 10s")
		}
		Expect(told).To(BeTrue())
		s.credential(good).expect("True/Connected")
		most := proofBurst + 1 + int(time.Since(began)/proofLater) + 1
		Expect(s.sim.Counts().ByEndpoint[astrosim.OrganizationGet]-proofs).To(BeNumerically("<=", most), "five at once, and one every ten seconds")
	})

	It("opens a breaker when it is revoked, and is tried once a sweep interval", func(ctx SpecContext) {
		s := newStory(ctx)
		s.conn.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Second}
		s.proven()
		notices.forget()
		s.sim.RevokeCredential(s.self)
		Expect(s.expect("False/CredentialRejected")).To(ContainSubstring("put a valid API token in the connection's Secret"))
		Expect(s.handle().Ready).To(BeFalse())
		Eventually(func() []Notice { return notices.of(s.key()) }).Should(ConsistOf(Notice{Connection: s.key(), All: true}))
		s.sim.ResetCounts()
		Eventually(func() int { return s.sim.Counts().Total }).Should(Equal(1))
		Consistently(func() int { return s.sim.Counts().Total }, "1s").Should(Equal(1))

		s.sim.RestoreCredential(s.self)
		s.expect("True/Connected")
		Expect(s.handle().Ready).To(BeTrue())
	})

	It("is kept in memory when its Secret goes, for those who have to revoke", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		s.deleteSecret()
		s.expect("False/SecretNotFound")
		h := s.handle()
		Expect(h.Ready).To(BeFalse())
		_, err := h.Client.GetToken(ctx, s.self)
		Expect(err).NotTo(HaveOccurred())
		Expect(registry.CredentialOf(h.Host, s.self)).NotTo(BeEmpty())

		proofs := s.proofs()
		s.credential(s.sim.Credential(s.self)).expect("True/Connected")
		Expect(s.proofs()).To(Equal(proofs), "the same credential was proven already")
	})

	It("without the right to list is of no use", func(ctx SpecContext) {
		s := newStory(ctx)
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: astrosim.TokensList})
		s.credential(s.sim.Credential(s.self)).connect()
		Expect(s.expect("False/PermissionDenied")).To(ContainSubstring("ORGANIZATION_OWNER"))
		Expect(s.handle().Ready).To(BeFalse())
	})
})

// forge makes a credential that claims to be a token of an Organization.
func forge(token, org string) string {
	claims := fmt.Sprintf(`{"apiTokenId":%q,"permissions":["organizationId:%s"]}`, token, org)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("a signature nobody made"))
}
