package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// takeOver measures the first day of a platform team: every role was given by hand. They are exported, applied while the connection
// only observes, and enforced with its one switch, without a write to Astro.
func (b *bench) takeOver(ctx context.Context) error {
	var faults []error
	for _, s := range b.takeoverSizes {
		fmt.Fprintf(b.figures.out, "# %s taken over\n", s)
		if err := b.within(ctx, func(w *world) error { return w.takeOver(ctx, s) }); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s, err))
		}
	}
	return errors.Join(faults...)
}

func (w *world) takeOver(ctx context.Context, s size) error {
	t, err := w.running(ctx, s)
	if err != nil {
		return err
	}
	for _, g := range t.org.grants {
		t.org.sim.GrantRole(g.token.id, astrosim.TypeDeployment, g.target.id, g.role)
	}
	if err := t.mode(ctx, v1alpha1.ModeObserve); err != nil {
		return err
	}
	before := t.org.calls()
	bindings, err := t.export(ctx, s)
	if err != nil {
		return err
	}
	looked, err := t.phase(ctx, s, "takeover_observe", bindings, ready, func() error {
		return parallel(ctx, bindings, workers, func(ctx context.Context, o *v1alpha1.ScopedTokenBinding) error { return t.kube.Create(ctx, o) })
	})
	if err != nil {
		return err
	}
	enforced, err := t.phase(ctx, s, "takeover_enforce", bindings, adopted, func() error { return t.mode(ctx, v1alpha1.ModeEnforce) })
	if err != nil {
		return err
	}
	t.declared = t.org.grants
	w.figures.mustBeZero("takeover_"+s.suffix()+"_writes", t.org.calls().minus(before).posts, "calls",
		fmt.Sprintf("bindings=%d", len(bindings)), listed("observed_enforced", looked, enforced))
	w.nothingLost("takeover_"+s.suffix(), t)
	left, err := t.plugin(ctx, "list", "--undeclared", "-o", "json")
	if err != nil {
		return err
	}
	w.figures.mustBeZero("takeover_"+s.suffix()+"_undeclared", bytes.Count(left, []byte(`"role":`)), "roles")
	return nil
}

// export has the plugin write down what exists, as the bindings that are to enforce it.
func (t *tenant) export(ctx context.Context, s size) (bindings []*v1alpha1.ScopedTokenBinding, err error) {
	start := time.Now()
	manifests, err := t.plugin(ctx, "export", "--mode", string(v1alpha1.ModeEnforce))
	if err != nil {
		return nil, err
	}
	t.figures.print(figure{name: "takeover_" + s.suffix() + "_export_s", value: time.Since(start).Seconds(), unit: "s"})
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	for {
		b := &v1alpha1.ScopedTokenBinding{}
		switch err := decoder.Decode(b); {
		case errors.Is(err, io.EOF) && len(bindings) == s.bindings+s.tokens: // each token has a role in the office besides
			return bindings, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("the export has %d bindings of %d", len(bindings), s.bindings+s.tokens)
		case err != nil:
			return nil, fmt.Errorf("read the export: %w", err)
		case b.Name != "":
			bindings = append(bindings, b)
		}
	}
}

// plugin runs kubectl-stb in the tenant's namespace and returns what it prints.
func (t *tenant) plugin(ctx context.Context, args ...string) ([]byte, error) {
	var told bytes.Buffer
	command := exec.CommandContext(ctx, t.options.plugin, append(args, "--kubeconfig", t.cluster.Kubeconfig, "-n", t.namespace,
		"--connection", "AstroConnection/"+builders.ConnectionName, "--allowed-api-hosts", strings.TrimPrefix(t.org.sim.URL(), "http://"))...)
	command.Env, command.Stderr = append(os.Environ(), "HOME="+t.folder), &told
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl-stb %s: %w: %s", strings.Join(args, " "), err, told.String())
	}
	return out, nil
}

// phase does something and measures until every binding is so.
func (t *tenant) phase(
	ctx context.Context, s size, name string, bindings []*v1alpha1.ScopedTokenBinding, is func(*v1alpha1.ScopedTokenBinding) bool, do func() error,
) (time.Duration, error) {
	all := make([]grant, len(bindings))
	for i, b := range bindings {
		all[i].name = b.Name
	}
	seen, err := t.watchFor(ctx, is)
	if err != nil {
		return 0, err
	}
	defer seen.stop()
	it, err := t.spend(ctx, func() (time.Duration, error) {
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		last, err := seen.all(ctx, all, t.patience)
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", name, err, t.reasons(ctx))
		}
		return last.Sub(start), err
	})
	if err == nil {
		t.printSpent(name, s, it, expectation{})
	}
	return it.took, err
}

// adopted reports whether the binding has its claim on a role that was there before.
func adopted(b *v1alpha1.ScopedTokenBinding) bool {
	return ready(b) && b.Status.Claim != nil && b.Status.Claim.State == v1alpha1.ClaimHeld && b.Status.Origin == v1alpha1.OriginAdopted
}

// mode switches the tenant's connection.
func (t *tenant) mode(ctx context.Context, to v1alpha1.Mode) error {
	var c v1alpha1.AstroConnection
	if err := t.kube.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: builders.ConnectionName}, &c); err != nil {
		return err
	}
	before := client.MergeFrom(c.DeepCopy())
	c.Spec.Mode = to
	if err := t.kube.Patch(ctx, &c, before); err != nil {
		return err
	}
	_, err := t.rest(ctx)
	return err
}
