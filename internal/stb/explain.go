package stb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// explanation is why a binding is as it is.
type explanation struct {
	Binding    string             `json:"binding"`
	Declares   string             `json:"declares"`
	Mode       string             `json:"mode"`
	Astro      string             `json:"astro"`
	Connection string             `json:"connection"`
	Rule       string             `json:"rule"`
	Claim      string             `json:"claim"`
	Order      []string           `json:"order,omitempty"` // of all bindings for this token and target, the first has the say
	Conditions []metav1.Condition `json:"conditions"`
	Next       string             `json:"next"`
	Runbook    string             `json:"runbook,omitempty"`
}

func newExplain(s *session) *cobra.Command {
	var output, url string
	cmd := &cobra.Command{
		Use:   "explain NAME",
		Short: "Explain why a binding is as it is, and what to do next",
		Long: `Explain why a binding is as it is: what it declares and what Astro holds, the rule of the connection that allows it or why
none does, its claim and its place among other bindings for the same token and target, and what to do next. Only Kubernetes is
read: what is said of Astro is what the operator has last seen.`,
		Example: `  kubectl stb explain -n data-platform ci-deployer-on-prod-etl`,
		Args:    oneArgument("say which binding: kubectl stb explain -n NAMESPACE NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := s.explain(cmd.Context(), args[0], url)
			if err != nil {
				return err
			}
			if output != asTable {
				return printData(s.Out, output, e)
			}
			return s.printExplanation(e)
		},
		ValidArgsFunction: s.completeBinding,
	}
	cmd.Flags().StringVar(&url, "runbook-url", runbook.URL(""), "where the runbook is published")
	addOutput(cmd, &output, asJSON, asYAML)
	return cmd
}

func (s *session) explain(ctx context.Context, name, url string) (explanation, error) {
	c, err := s.cluster()
	if err != nil {
		return explanation{}, err
	}
	var b v1alpha1.ScopedTokenBinding
	if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, &b); err != nil {
		return explanation{}, err
	}
	connection, trouble, rule := c.connectionOf(ctx, &b)
	bindings, partial, err := c.bindings(ctx)
	if err != nil {
		return explanation{}, err
	}
	s.tellPartial(c, partial)
	key := ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)
	e := explanation{
		Binding: b.Namespace + "/" + b.Name, Declares: declares(&b), Mode: modeWords(&b, connection), Astro: holds(&b),
		Connection: key.Words() + ", " + cmp.Or(trouble, connectionWords(connection)),
		Claim:      claimWords(&b), Order: order(&b, bindings), Conditions: b.Status.Conditions,
		Rule: rule,
	}
	if connection != nil {
		e.Rule = c.ruleWords(ctx, connection, &b)
	}
	e.Next, e.Runbook = next(&b, connection, url)
	return e, nil
}

// connectionOf is the binding's connection, or in words why it is not known, and what that means for its rules.
func (c cluster) connectionOf(ctx context.Context, b *v1alpha1.ScopedTokenBinding) (object v1alpha1.Connection, trouble, rule string) {
	object, err := c.connection(ctx, ref.KeyFor(b.Namespace, b.Spec.ConnectionRef))
	switch {
	case apierrors.IsNotFound(err):
		return nil, "which does not exist", "not known, because the connection does not exist"
	case err != nil:
		return nil, "which you may not read: " + printable(err.Error()), "not known, because the connection cannot be read"
	}
	return object, "", ""
}

// declares is what the binding asks for.
func declares(b *v1alpha1.ScopedTokenBinding) string {
	t := b.Spec.Token
	token := fmt.Sprintf("%s token %s", t.Scope, printable(cmp.Or(t.Name, string(t.ID))))
	if b.Status.Token.Name != "" && b.Status.Token.Name != t.Name {
		token += " (" + printable(b.Status.Token.Name) + ")"
	}
	target := resolve.TargetWords(b.Spec.Target)
	if b.Status.Target.Name != "" && b.Status.Target.Name != b.Spec.Target.Name {
		target += " (" + printable(b.Status.Target.Name) + ")"
	}
	return fmt.Sprintf("%s for %s on %s", printable(cmp.Or(b.Spec.Role, v1alpha1.RoleDeploymentAdmin)), token, target)
}

// modeWords are the settings of the binding, with what it has from its connection.
func modeWords(b *v1alpha1.ScopedTokenBinding, c v1alpha1.Connection) string {
	words := string(b.Spec.Mode)
	if c != nil && c.ConnectionSpec().Mode == v1alpha1.ModeObserve {
		words += ", but the connection is in mode Observe"
	}
	words += fmt.Sprintf("; adopt %s; deletionPolicy ", b.Spec.Adopt)
	switch {
	case b.Spec.DeletionPolicy != "":
		words += string(b.Spec.DeletionPolicy)
	case c != nil:
		words += string(c.ConnectionSpec().DeletionPolicy) + ", from the connection"
	default:
		words += cmp.Or(string(b.Status.DeletionPolicy), "not known")
	}
	if at := b.Spec.ExpiresAt; at != nil {
		words += "; until " + at.UTC().Format(time.RFC3339)
	}
	if b.Spec.Suspend {
		words += "; suspended"
	}
	return words
}

// holds is what the operator has last seen in Astro.
func holds(b *v1alpha1.ScopedTokenBinding) string {
	words := "holds " + printable(cmp.Or(b.Status.Role, "no role"))
	if b.Status.PlannedChange != "" {
		words += "; Enforce would " + printable(b.Status.PlannedChange)
	}
	if !pin.Looked(b) {
		words += "; the operator has not looked at this spec yet"
	}
	return words
}

func connectionWords(c v1alpha1.Connection) string {
	if c == nil {
		return ""
	}
	ready := meta.FindStatusCondition(c.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return "at which the operator has not looked yet"
	case ready.Status == metav1.ConditionTrue:
		return "ready"
	default:
		return fmt.Sprintf("not ready (%s): %s", ready.Reason, printable(ready.Message))
	}
}

// next is what to do, and the section of the runbook about it.
func next(b *v1alpha1.ScopedTokenBinding, c v1alpha1.Connection, url string) (words, section string) {
	ready := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady)
	deleted := !b.DeletionTimestamp.IsZero() && ready != nil && ready.Status != metav1.ConditionTrue
	if !deleted && (ready == nil || !pin.Looked(b)) {
		return "Wait until the operator has looked; if it does not, see that it runs and serves this namespace.", ""
	}
	section = runbookSection(url, ready.Reason)
	warning := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionWarning)
	switch {
	case deleted:
		return "It is being deleted. " + printable(ready.Message), section
	case ready.Status != metav1.ConditionTrue:
		return printable(ready.Message), section
	case ready.Reason == v1alpha1.ReasonExpired:
		words = "Set a later spec.expiresAt to have the role again, or delete the binding."
	case b.Status.PlannedChange != "":
		words = fmt.Sprintf("Set mode: Enforce on %s if that is what you want.", observers(b, c))
	case warning != nil:
		return printable(warning.Message), runbookSection(url, warning.Reason)
	default:
		return "Nothing.", ""
	}
	if warning != nil {
		words += " Warning: " + printable(warning.Message)
	}
	return words, section
}

func runbookSection(url, reason string) string { return url + "#" + strings.ToLower(reason) }

// observers are what is in mode Observe, of the binding and its connection. Where the connection cannot be read, a binding in
// mode Enforce with a planned change tells of it.
func observers(b *v1alpha1.ScopedTokenBinding, c v1alpha1.Connection) string {
	own := b.Spec.Mode == v1alpha1.ModeObserve
	switch {
	case own && c != nil && c.ConnectionSpec().Mode == v1alpha1.ModeObserve:
		return "the binding and on the connection"
	case own:
		return "the binding"
	default:
		return "the connection"
	}
}

func (s *session) printExplanation(e explanation) error {
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"Binding:", e.Binding}, {"Declares:", e.Declares}, {"Mode:", e.Mode}, {"Astro:", e.Astro},
		{"Connection:", e.Connection}, {"Rule:", e.Rule}, {"Claim:", e.Claim},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1]))
	}
	for i, line := range e.Order {
		fmt.Fprintf(table, "%s\t%s\n", map[bool]string{true: "Order:"}[i == 0], printable(line))
	}
	for i, c := range e.Conditions {
		line := fmt.Sprintf("%s=%s (%s) %s", c.Type, c.Status, c.Reason, printable(c.Message))
		fmt.Fprintf(table, "%s\t%s\n", map[bool]string{true: "Conditions:"}[i == 0], printable(strings.TrimSpace(line)))
	}
	fmt.Fprintf(table, "Next:\t%s\n", printable(e.Next))
	if e.Runbook != "" {
		fmt.Fprintf(table, "Runbook:\t%s\n", printable(e.Runbook))
	}
	return table.Flush()
}

func (s *session) completeBinding(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c, err := s.cluster()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list v1alpha1.ScopedTokenBindingList
	_ = c.List(cmd.Context(), &list, client.InNamespace(c.namespace)) // without a list nothing is offered
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}
