package argocd

import (
	"context"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// chartInstalls sees that Argo CD installs the operator's chart from a repository of charts. There is no node, so its
// Deployment stays Progressing; all that the chart makes is in sync, and the image is the one of the registry that the
// example names.
func chartInstalls(t *testing.T) {
	t.Helper()
	charts := filepath.Join(scratch, "charts")
	shell(t, root, "helm package config/chart --version 0.1.0 --app-version v0.1.0 --destination "+charts+" && helm repo index "+charts)
	app := example(t, "operator.yaml", "/charts")
	create(t, app)
	before := becomes(t, app, "Synced", "Progressing", "sync Succeeded")
	deployments := &appsv1.DeploymentList{}
	if err := kube.List(context.Background(), deployments, client.InNamespace("scopedtoken-system")); err != nil {
		t.Fatal(err)
	}
	if len(deployments.Items) != 1 {
		t.Fatalf("Argo CD made %d Deployments from the chart", len(deployments.Items))
	}
	image := deployments.Items[0].Spec.Template.Spec.Containers[0].Image
	if want := "registry.example.com/scopedtoken-operator:v0.1.0"; image != want {
		t.Errorf("the Pod would run %s, not %s", image, want)
	}
	refresh(t, app)
	if now, err := look(app); err != nil || now.sync != "Synced" || now.started != before.started {
		t.Errorf("the operator is no longer\n%s\nbut\n%s%v", before, now, err)
	}
}
