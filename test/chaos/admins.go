package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var adminSteps = []weighted{
	{4, drawRules},
	{1, drawWithdrawal},
	{2, drawLabel},
	{2, drawRotate},
	{1, drawRevokedCredential},
	{1, drawDowngrade},
	{1, drawSecretGone},
	{1, func(draw) func(*world) { return (*world).askSweeps }},
	{1, drawDeleteConnection},
	{1, drawConnect},
	{2, drawObserve},
}

// label is what a rule selects namespaces by.
const label = "chaos.example.com/deploys"

func (w *world) shared() string { return fmt.Sprintf("s%d-shared", w.plan.number) }
func (w *world) own() string    { return fmt.Sprintf("s%d-own", w.plan.number) }

// credential is the number of the credential of a connection.
func (w *world) credential(own bool) string {
	if own {
		return w.credentials[len(w.credentials)-1]
	}
	return w.credentials[0]
}

// connect makes both connections with their Secrets, as far as they are not there.
func (w *world) connect() {
	w.putSecrets()
	url := "http://" + w.lane.astro.address
	shared := builders.Connection(w.shared()).To(url, w.org).WithSecret(w.shared()).SweepEvery(w.sweepEvery()).
		RateLimit(1000, 1000).Allow(openRule())
	own := builders.Connection(w.own()).In(namespaces[0]).To(url, w.org).WithSecret(w.own()).SweepEvery(w.sweepEvery()).RateLimit(1000, 1000)
	if w.plan.limits.Get > 0 {
		shared.RateLimit(25, 10)
		own.RateLimit(25, 10)
	}
	if w.plan.dropDangling {
		shared.DropDangling()
		own.DropDangling()
	}
	for _, o := range []client.Object{shared.Cluster(), own.Object()} {
		o.SetLabels(w.labels())
		w.must(w.try(func(ctx context.Context) error { return w.kube.Create(ctx, o) }))
	}
}

func (w *world) sweepEvery() time.Duration { return 30 * time.Second }

// must ends the schedule, and the run, if what it needs itself does not work.
func (w *world) must(err error) {
	if err != nil && !apierrors.IsAlreadyExists(err) {
		w.abort(err)
	}
}

// drawDeleteConnection deletes a connection, which bindings may need. Its name is free again once they are gone.
func drawDeleteConnection(d draw) func(*world) {
	own := d.chance(0.5)
	return func(w *world) {
		o := w.connection(own)
		err := w.try(func(ctx context.Context) error { return client.IgnoreNotFound(w.kube.Delete(ctx, o)) })
		w.notedf("admin", err, "delete connection %s", o.GetName())
	}
}

func drawConnect(draw) func(*world) {
	return func(w *world) {
		w.connect()
		w.history.notef("admin", "connections are made again, if they were gone")
	}
}

// connection is one of the two, by its name only.
func (w *world) connection(own bool) client.Object {
	if own {
		return &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: namespaces[0], Name: w.own()}}
	}
	return &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: w.shared()}}
}

// putSecrets writes the present credentials into the Secrets.
func (w *world) putSecrets() {
	for _, own := range []bool{false, true} {
		namespace, name := system, w.shared()
		if own {
			namespace, name = namespaces[0], w.own()
		}
		secret := builders.Secret(namespace, name, w.sim.Credential(w.credential(own)))
		secret.Labels = w.labels()
		w.must(w.try(func(ctx context.Context) error {
			err := w.kube.Create(ctx, secret.DeepCopy())
			if apierrors.IsAlreadyExists(err) {
				return w.kube.Patch(ctx, secret.DeepCopy(), client.Merge)
			}
			return err
		}))
	}
}

// editShared changes the shared connection.
func (w *world) editShared(words string, change func(*v1alpha1.ClusterAstroConnection)) {
	c := &v1alpha1.ClusterAstroConnection{}
	err := w.try(func(ctx context.Context) error {
		if err := w.kube.Get(ctx, client.ObjectKey{Name: w.shared()}, c); err != nil {
			return err
		}
		before := c.DeepCopy()
		change(c)
		return w.kube.Patch(ctx, c, client.MergeFrom(before))
	})
	w.notedf("admin", err, "%s", words)
}

func (w *world) editOwn(words string, change func(*v1alpha1.AstroConnection)) {
	c := &v1alpha1.AstroConnection{}
	err := w.try(func(ctx context.Context) error {
		if err := w.kube.Get(ctx, client.ObjectKey{Namespace: namespaces[0], Name: w.own()}, c); err != nil {
			return err
		}
		before := c.DeepCopy()
		change(c)
		return w.kube.Patch(ctx, c, client.MergeFrom(before))
	})
	w.notedf("admin", err, "%s", words)
}

// askSweeps asks both connections for a sweep now.
func (w *world) askSweeps() {
	now := time.Now().Format(time.RFC3339Nano)
	w.editShared("ask for a sweep of the shared connection", func(c *v1alpha1.ClusterAstroConnection) {
		metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.AnnotationRequestedAt, now)
	})
	w.editOwn("ask for a sweep of the own connection", func(c *v1alpha1.AstroConnection) {
		metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.AnnotationRequestedAt, now)
	})
}

// drawRules narrows the rules of the shared connection in one way or another, or opens them again.
func drawRules(d draw) func(*world) {
	kind, token, target := d.IntN(7), d.IntN(60), d.IntN(60)
	return func(w *world) {
		rule := openRule()
		words := "everything"
		switch kind {
		case 0, 1:
		case 2:
			rule.Namespaces.Names, words = []string{namespaces[0], namespaces[1]}, "two namespaces"
		case 3:
			rule.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{label: "true"}}}
			words = "namespaces by label"
		case 4:
			rule.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"ci-"}}}
			if t := w.token(token); t.scope == "ORGANIZATION" {
				rule.Tokens = append(rule.Tokens, v1alpha1.TokenRule{Scope: v1alpha1.ScopeOrganization, IDs: []string{t.id}})
			} else {
				rule.Tokens = append(rule.Tokens, v1alpha1.TokenRule{Scope: v1alpha1.ScopeWorkspace, WorkspaceIDs: []string{t.home}})
			}
			words = "tokens ci-* and those of " + w.token(token).name
		case 5:
			e := w.entity(target)
			rule.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{e.id}}}
			if e.kind == "DEPLOYMENT" {
				rule.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{e.id}}}
			}
			words = "target " + e.id
		case 6:
			rule.Roles, words = []string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}, "two roles"
		}
		w.editShared("rules: "+words, func(c *v1alpha1.ClusterAstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{rule} })
	}
}

func drawWithdrawal(d draw) func(*world) {
	policy := pick(d, v1alpha1.WithdrawalFreeze, v1alpha1.WithdrawalRevoke, v1alpha1.WithdrawalRevoke)
	return func(w *world) {
		w.editShared("onWithdrawal: "+string(policy), func(c *v1alpha1.ClusterAstroConnection) { c.Spec.OnWithdrawal = policy })
	}
}

func drawLabel(d draw) func(*world) {
	namespace, value := pick(d, namespaces...), pick(d, `"true"`, `"false"`, "null")
	return func(w *world) { w.label(namespace, value) }
}

func (w *world) label(namespace, value string) {
	patch := []byte(fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, label, value))
	err := w.try(func(ctx context.Context) error {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		return w.kube.Patch(ctx, n, client.RawPatch("application/merge-patch+json", patch))
	})
	if err == nil {
		w.mu.Lock()
		w.namespaceLabels[namespace] = strings.Trim(value, `"`)
		w.mu.Unlock()
	}
	w.notedf("admin", err, "label %s of %s is %s", label, namespace, value)
}

// drawRotate gives a credential another secret, and the Secret gets it a while later.
func drawRotate(d draw) func(*world) {
	own, late := d.chance(0.5), d.upTo(100*time.Millisecond)
	return func(w *world) {
		w.rotate(own)
		time.Sleep(late)
		w.putSecrets()
		w.history.notef("admin", "Secrets hold the new credentials")
	}
}

func (w *world) rotate(own bool) {
	id := w.credential(own)
	fresh := w.sim.RotateToken(id)
	w.mu.Lock()
	w.secrets = append(w.secrets, fresh)
	w.mu.Unlock()
	w.history.notef("admin", "credential %s rotated", id)
}

func drawRevokedCredential(d draw) func(*world) {
	own, during := d.chance(0.5), d.upTo(200*time.Millisecond)
	return func(w *world) {
		id := w.credential(own)
		w.sim.RevokeCredential(id)
		w.history.notef("admin", "credential %s revoked", id)
		time.Sleep(during)
		w.sim.RestoreCredential(id)
		w.history.notef("admin", "credential %s valid again", id)
	}
}

func drawDowngrade(d draw) func(*world) {
	own, during := d.chance(0.5), d.upTo(200*time.Millisecond)
	return func(w *world) {
		id := w.credential(own)
		w.sim.DowngradeCredential(id, "ORGANIZATION_MEMBER")
		w.history.notef("admin", "credential %s is but a member", id)
		time.Sleep(during)
		w.sim.DowngradeCredential(id, "ORGANIZATION_OWNER")
		w.history.notef("admin", "credential %s is an owner again", id)
	}
}

func drawSecretGone(d draw) func(*world) {
	own, during := d.chance(0.5), d.upTo(200*time.Millisecond)
	return func(w *world) {
		namespace, name := system, w.shared()
		if own {
			namespace, name = namespaces[0], w.own()
		}
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		err := w.try(func(ctx context.Context) error { return client.IgnoreNotFound(w.kube.Delete(ctx, s)) })
		w.notedf("admin", err, "Secret %s/%s deleted", namespace, name)
		time.Sleep(during)
		w.putSecrets()
		w.history.notef("admin", "Secrets are there")
	}
}

// restoreAccess gives the operator all it needs.
func (w *world) restoreAccess() {
	for _, id := range w.credentials {
		w.sim.RestoreCredential(id)
		w.sim.DowngradeCredential(id, "ORGANIZATION_OWNER")
	}
	w.putSecrets()
}

// openRules allows everybody everything, so that nothing has a reason to stay.
func (w *world) openRules() {
	w.editShared("rules: everything", func(c *v1alpha1.ClusterAstroConnection) {
		c.Spec.Allow = []v1alpha1.AllowRule{openRule()}
	})
}
