package environment

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestStart(t *testing.T) {
	e, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(e.Kubeconfig); !os.IsNotExist(err) {
			t.Errorf("Stop left the kubeconfig: %v", err)
		}
	})
	out, err := exec.Command(e.Kubectl, "--kubeconfig", e.Kubeconfig, "api-resources", "--categories=astro", "-o", "name").CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl: %v\n%s", err, out)
	}
	if kinds := strings.Fields(string(out)); len(kinds) != 4 {
		t.Errorf("want the four kinds of category astro, got %v", kinds)
	}
}

func TestMissingPrograms(t *testing.T) {
	cases := map[string]struct {
		reason, assets string
		want           []string
	}{
		"NotBuilt": {
			reason: "Without the variable, the error says how to build the programs.",
			want:   []string{"bin/k8s", "etcd, kube-apiserver, kubectl", "run `make controlplane`"},
		},
		"WrongAssets": {
			reason: "A variable that points nowhere is named, for it may have been set long ago.",
			assets: "/nowhere",
			want:   []string{"KUBEBUILDER_ASSETS=/nowhere", "run `make controlplane`"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBEBUILDER_ASSETS", tc.assets)
			_, err := findPrograms(t.TempDir())
			if err == nil {
				t.Fatalf("%s: no error", tc.reason)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s\nwant %q in %q", tc.reason, part, err)
				}
			}
		})
	}
}

func TestMissingFromWantsExecutables(t *testing.T) {
	folder := t.TempDir()
	for _, program := range needed {
		if err := os.WriteFile(filepath.Join(folder, program), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if missing := missingFrom(folder); len(missing) != len(needed) {
		t.Errorf("a file that cannot be run counts as missing; got %v", missing)
	}
}
