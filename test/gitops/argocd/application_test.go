package argocd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// bindings are those of config/samples/gitops.
var bindings = []string{"ci-deployer-on-data", "ci-deployer-on-prod-etl"}

// TestApplications sees the examples through: connection and bindings first, then the operator's chart.
func TestApplications(t *testing.T) {
	settle(t)
	commit(t)
	app := example(t, "application.yaml", "/git/astro/.git")
	create(t, app)
	wavesWait(t, app)
	secretComesLater(t, app)
	refusalShows(t, app)
	nothingDiffers(t, app)
	editIsTakenBack(t, app)
	chartInstalls(t)
	deletionRevokes(t, app)
}

// wavesWait sees that no binding is applied while no operator makes the connection Ready.
func wavesWait(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	becomes(t, app, "OutOfSync", "Progressing", "sync Running", "waiting for healthy state of", "ClusterAstroConnection/acme")
	for _, name := range bindings {
		if _, err := object(name); !apierrors.IsNotFound(err) {
			t.Errorf("binding %s was applied before its connection was Ready: %v", name, err)
		}
	}
}

// secretComesLater sees that a connection that is refused fails the sync with its message, that the next try gets over it
// once its Secret is there, and that the Application is Healthy when every binding is Ready.
func secretComesLater(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	if err := startOperator(); err != nil {
		t.Fatal(err)
	}
	becomes(t, app, "OutOfSync", "Degraded", "Retrying attempt #1", "ClusterAstroConnection/acme was Failed: SecretNotFound: ")
	credential, err := os.ReadFile(filepath.Join(scratch, "credentials", "operator"))
	if err != nil {
		t.Fatal(err)
	}
	create(t, secret("scopedtoken-system", "astro-api", "token", credential))
	becomes(t, app, "Synced", "Healthy", "sync Succeeded")
	for _, name := range bindings {
		if now, err := ready(name); err != nil || !strings.HasPrefix(now, "True Granted") {
			t.Errorf("the Application is Healthy, but binding %s is %q %v", name, now, err)
		}
	}
}

// refusalShows sees that a binding that is refused makes the Application Degraded, with its message, until Git has a
// better one.
func refusalShows(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	commit(t, "role: WORKSPACE_MEMBER", "role: WORKSPACE_OWNER")
	refresh(t, app)
	becomes(t, app, "Synced", "Degraded", "sync Succeeded", "ScopedTokenBinding/ci-deployer-on-data is Synced Degraded: RoleNotAllowed: ")
	commit(t)
	refresh(t, app)
	becomes(t, app, "Synced", "Healthy", "sync Succeeded")
}

// nothingDiffers sees that what the operator has written to its objects is no difference, and starts no sync: as Argo CD
// compares by default, and when it asks the API server.
func nothingDiffers(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	before := becomes(t, app, "Synced", "Healthy")
	for _, name := range bindings {
		if o, err := object(name); err != nil || len(o.GetFinalizers()) == 0 {
			t.Fatalf("the operator has written nothing to binding %s: %v", name, err)
		}
	}
	for _, how := range []string{"ServerSideDiff=false", "ServerSideDiff=true"} {
		for range 3 {
			refresh(t, app, `"argocd.argoproj.io/compare-options":"`+how+`"`)
			if now, err := look(app); err != nil || now.sync != "Synced" || now.health != "Healthy" || now.started != before.started {
				t.Fatalf("with %s the Application is no longer\n%s\nbut\n%s%v", how, before, now, err)
			}
		}
	}
}

// editIsTakenBack sees that what somebody else than the operator writes is a difference, and that Git's word comes back.
func editIsTakenBack(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	edited, err := object(bindings[0])
	if err != nil {
		t.Fatal(err)
	}
	generation := edited.GetGeneration()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"role":"WORKSPACE_OWNER"}}`))
	if err := kube.Patch(context.Background(), edited, patch, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		now, err := object(bindings[0])
		role, _, _ := unstructured.NestedString(now.Object, "spec", "role")
		if role != "WORKSPACE_MEMBER" || now.GetGeneration() < generation+2 {
			return errors.Join(fmt.Errorf("the role is %s in generation %d", role, now.GetGeneration()), err)
		}
		return nil
	})
	becomes(t, app, "Synced", "Healthy", "sync Succeeded", bindings[0]+" is Synced Healthy: ")
}

// deletionRevokes sees that an Application that is deleted with what it made takes its bindings along, and the connection
// after them. In the background, as nothing here would ever end a foreground deletion: the garbage collector does that.
func deletionRevokes(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	patch := []byte(`{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io/background"]}}`)
	err := kube.Patch(context.Background(), app.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	if err := errors.Join(err, kube.Delete(context.Background(), app.DeepCopy())); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if s, err := look(app); !apierrors.IsNotFound(err) {
			return errors.Join(fmt.Errorf("it is still there: %s", s), err)
		}
		return nil
	})
	for _, name := range bindings {
		if _, err := object(name); !apierrors.IsNotFound(err) {
			t.Errorf("the Application is gone, binding %s is not: %v", name, err)
		}
	}
}
