package drift

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/discovery"
	"k8s.io/kube-openapi/pkg/util/proto"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// manager is Argo CD's name as a writer of fields.
const manager = "argocd-controller"

func TestAppliedTwiceByKubectlChangesNothing(t *testing.T) {
	for _, set := range sets {
		t.Run(set, func(t *testing.T) {
			text, objects := manifests(t, set)
			kubectl(t, text, "apply", "-f", "-")
			kubectl(t, text, "apply", "-f", "-") // the API server stores the default of a status with the first update only
			defer forget(t, ours(objects))
			for _, step := range []func(){func() {}, func() { operate(t, ours(objects)) }} {
				step()
				before := versions(t, objects)
				for _, line := range lines(kubectl(t, text, "apply", "-f", "-")) {
					if !strings.HasSuffix(line, " unchanged") && !sentAgain(line) {
						t.Errorf("the second apply says: %s", line)
					}
				}
				if after := versions(t, objects); !slices.Equal(before, after) {
					t.Errorf("the second apply wrote: %v, before %v", after, before)
				}
				if out, err := tryKubectl(text, "diff", "-f", "-"); err != nil {
					t.Errorf("kubectl diff: %v\n%s", err, out)
				}
				same(t, ours(objects))
			}
		})
	}
}

func TestAppliedTwiceByTheServerChangesNothing(t *testing.T) {
	for _, set := range sets {
		t.Run(set, func(t *testing.T) {
			text, objects := manifests(t, set)
			apply := []string{"apply", "--server-side", "--force-conflicts", "--field-manager", manager, "-f", "-"}
			kubectl(t, text, apply...)
			kubectl(t, text, apply...) // the API server stores the default of a status with the first update only
			defer forget(t, ours(objects))
			for _, step := range []func(){func() {}, func() { operate(t, ours(objects)) }} {
				step()
				before := versions(t, objects)
				kubectl(t, text, apply...)
				if after := versions(t, objects); !slices.Equal(before, after) {
					t.Errorf("the second apply wrote: %v, before %v", after, before)
				}
				if out, err := tryKubectl(text, "diff", "--server-side", "--force-conflicts", "--field-manager", manager, "-f", "-"); err != nil {
					t.Errorf("kubectl diff --server-side: %v\n%s", err, out)
				}
				same(t, ours(objects), diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(dryRun{}), diff.WithManager(manager),
					diff.WithGVKParser(schemas(t)))
			}
		})
	}
}

// sentAgain reports whether kubectl sends an object each time, although that changes nothing: the stringData of a Secret,
// which nobody can read back.
func sentAgain(line string) bool { return strings.HasPrefix(line, "secret/") }

// same checks that Argo CD sees no difference between the manifests and what is in the cluster.
func same(t *testing.T, objects []*unstructured.Unstructured, options ...diff.Option) {
	t.Helper()
	for _, o := range objects {
		result, err := diff.Diff(o, live(t, o), append(options, diff.WithNormalizer(diff.GetNoopNormalizer()))...)
		if err != nil {
			t.Fatal(err)
		}
		if result.Modified {
			t.Errorf("Argo CD calls %s %s out of sync:\nlive      %s\npredicted %s", o.GetKind(), o.GetName(), result.NormalizedLive, result.PredictedLive)
		}
	}
}

// schemas are those of every kind that the API server has, as Argo CD reads them.
func schemas(t *testing.T) *managedfields.GvkParser {
	t.Helper()
	discover, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	document, err := discover.OpenAPISchema()
	if err != nil {
		t.Fatal(err)
	}
	models, err := proto.NewOpenAPIData(document)
	if err != nil {
		t.Fatal(err)
	}
	parser, err := managedfields.NewGVKParser(models, false)
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// dryRun applies on the server without keeping the result, for the server-side difference of Argo CD.
type dryRun struct{}

// Run returns what the object would be.
func (dryRun) Run(ctx context.Context, o *unstructured.Unstructured, manager string) (string, error) {
	would := o.DeepCopy()
	would.SetManagedFields(nil)
	err := kube.Apply(ctx, client.ApplyConfigurationFromUnstructured(would), client.DryRunAll, client.ForceOwnership, client.FieldOwner(manager))
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(would)
	return string(text), err
}
