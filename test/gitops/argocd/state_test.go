package argocd

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// state is what Argo CD says of an Application: how it compares with Git, its health, its last sync, its objects.
type state struct {
	sync, health, phase, message, started, reconciled string
	objects                                           []string
}

// look reads the state of an Application.
func look(app *unstructured.Unstructured) (s state, err error) {
	now := &unstructured.Unstructured{}
	now.SetGroupVersionKind(app.GroupVersionKind())
	if err := kube.Get(context.Background(), client.ObjectKeyFromObject(app), now); err != nil {
		return s, err
	}
	text := func(path ...string) string {
		found, _, _ := unstructured.NestedString(now.Object, append([]string{"status"}, path...)...)
		return found
	}
	s = state{
		sync: text("sync", "status"), health: text("health", "status"), phase: text("operationState", "phase"),
		message: text("operationState", "message"), started: text("operationState", "startedAt"), reconciled: text("reconciledAt"),
	}
	s.objects = append(results(now.Object), healths(now.Object)...)
	return s, nil
}

// results are what became of each object in the last sync.
func results(app map[string]any) (all []string) {
	found, _, _ := unstructured.NestedSlice(app, "status", "operationState", "syncResult", "resources")
	for _, o := range found {
		if o, ok := o.(map[string]any); ok {
			all = append(all, fmt.Sprintf("%s/%s was %s: %s", o["kind"], o["name"], o["hookPhase"], o["message"]))
		}
	}
	return all
}

// healths are what the health script makes of each object now.
func healths(app map[string]any) (all []string) {
	found, _, _ := unstructured.NestedSlice(app, "status", "resources")
	for _, o := range found {
		if o, ok := o.(map[string]any); ok {
			health, _, _ := unstructured.NestedString(o, "health", "status")
			message, _, _ := unstructured.NestedString(o, "health", "message")
			all = append(all, fmt.Sprintf("%s/%s is %s %s: %s", o["kind"], o["name"], o["status"], health, message))
		}
	}
	return all
}

func (s state) String() string {
	return fmt.Sprintf("%s %s, sync %s since %s: %s\n%s", s.sync, s.health, s.phase, s.started, s.message, strings.Join(s.objects, "\n"))
}

// becomes waits until an Application is this by comparison and health, and says all these words of itself and its objects.
func becomes(t *testing.T, app *unstructured.Unstructured, sync, health string, words ...string) (s state) {
	t.Helper()
	eventually(t, func() (err error) {
		if s, err = look(app); err != nil {
			return err
		}
		if s.sync != sync || s.health != health {
			return fmt.Errorf("not %s %s but %s", sync, health, s)
		}
		for _, word := range words {
			if !strings.Contains(s.String(), word) {
				return fmt.Errorf("nothing of %q in %s", word, s)
			}
		}
		return nil
	})
	t.Log(s)
	return s
}

// refresh has Argo CD compare anew, as `argocd app get --hard-refresh` does, and waits until it has.
func refresh(t *testing.T, app *unstructured.Unstructured, annotations ...string) {
	t.Helper()
	before, err := look(app)
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%s}}}`,
		strings.Join(append(annotations, `"argocd.argoproj.io/refresh":"hard"`), ","))
	if err := kube.Patch(context.Background(), app.DeepCopy(), client.RawPatch(types.MergePatchType, patch)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		s, err := look(app)
		if err == nil && s.reconciled == before.reconciled {
			err = fmt.Errorf("not compared since %s", s.reconciled)
		}
		return err
	})
}
