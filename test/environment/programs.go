package environment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// needed are the programs without which there is no API server to test against.
var needed = []string{"etcd", "kube-apiserver", "kubectl"}

// findPrograms is the folder with the needed programs.
func findPrograms(root string) (string, error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		if missing := missingFrom(assets); len(missing) > 0 {
			return "", fmt.Errorf("KUBEBUILDER_ASSETS=%s has no %s: correct it, or unset it and run `make controlplane`",
				assets, strings.Join(missing, ", "))
		}
		return assets, nil
	}
	built := filepath.Join(root, "bin", "k8s")
	if missing := missingFrom(built); len(missing) > 0 {
		return "", fmt.Errorf("%s has no %s: run `make controlplane` (once), or set KUBEBUILDER_ASSETS",
			built, strings.Join(missing, ", "))
	}
	return built, nil
}

func missingFrom(folder string) []string {
	var missing []string
	for _, program := range needed {
		info, err := os.Stat(filepath.Join(folder, program))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			missing = append(missing, program)
		}
	}
	return missing
}

// repository is the nearest folder with a go.mod, from the one the test runs in upwards.
func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("no go.mod here or above: run the test inside the repository")
		}
		folder = parent
	}
}
