package docs

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var separator = regexp.MustCompile(`(?m)^---\s*$`)

// notKubernetes are the pages whose YAML is not for an API server.
var notKubernetes = map[string]bool{filepath.Join("docs", "simulator.md"): true}

// example is one object of a YAML block.
type example struct {
	where  string
	text   string
	object unstructured.Unstructured
}

// TestExamples shows every object to the API server as kubectl apply would, field validation and all.
func TestExamples(t *testing.T) {
	all := examples(t)
	if len(all) < 12 {
		t.Errorf("only %d examples were found", len(all))
	}
	kubectl(t, "", "apply", "--server-side", "-k", filepath.Join(env.Root, "config", "crd"))
	kubectl(t, "", "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
	made := map[string]bool{"default": true}
	for _, e := range all {
		t.Run(e.where, func(t *testing.T) {
			if n := e.object.GetNamespace(); n != "" && !made[n] {
				kubectl(t, "", "create", "namespace", n)
				made[n] = true
			}
			kubectl(t, e.text, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
		})
	}
}

func examples(t *testing.T) []example {
	t.Helper()
	var all []example
	for _, p := range pages(t) {
		for _, s := range p.steps() {
			if s.apply != "" && s.file == "" { // what is saved is used by a command, which is run
				all = append(all, s.objects(t)...)
			}
		}
	}
	return all
}

// objects are the documents of a block. Every one has to be whole, so that a reader can copy it.
func (s step) objects(t *testing.T) []example {
	t.Helper()
	var all []example
	for number, text := range separator.Split(s.apply, -1) {
		e := example{where: fmt.Sprintf("%s:%d.%d", s.page, s.line, number), text: text}
		if err := yaml.UnmarshalStrict([]byte(text), &e.object.Object); err != nil {
			t.Errorf("%s: %v", e.where, err)
			continue
		}
		if e.object.GetAPIVersion() == "" || e.object.GetKind() == "" || e.object.GetName() == "" {
			t.Errorf("%s: not a whole object:\n%s", e.where, text)
			continue
		}
		all = append(all, e)
	}
	return all
}

func kubectl(t *testing.T, input string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), env.Kubectl, append([]string{"--kubeconfig", env.Kubeconfig}, arguments...)...)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}
