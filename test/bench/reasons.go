package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// reasons says why the bindings that are not Ready are not, with a message of each kind: what to look at when a run does not
// finish.
func (t *tenant) reasons(ctx context.Context) string {
	var list v1alpha1.ScopedTokenBindingList
	if err := t.kube.List(ctx, &list, client.InNamespace(t.namespace)); err != nil {
		return err.Error()
	}
	counts, messages := map[string]int{}, map[string]string{}
	for i := range list.Items {
		if reason, message := unreadiness(&list.Items[i]); reason != "" {
			counts[reason]++
			messages[reason] = message
		}
	}
	var lines []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%d %s (%s)", counts[reason], reason, messages[reason]))
	}
	return strings.Join(lines, "; ")
}

func unreadiness(b *v1alpha1.ScopedTokenBinding) (reason, message string) {
	if ready(b) {
		return "", ""
	}
	c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "Unseen", "no condition"
	}
	return c.Reason, c.Message
}
