package main

import (
	"encoding/hex"

	"sigs.k8s.io/yaml"
)

const home = "https://github.com/scopedtoken/scopedtoken-operator"

// manifest is krew's Plugin (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest).
type manifest struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   map[string]string `json:"metadata"`
	Spec       spec              `json:"spec"`
}

type spec struct {
	Version          string   `json:"version"`
	Homepage         string   `json:"homepage"`
	ShortDescription string   `json:"shortDescription"`
	Description      string   `json:"description"`
	Platforms        []choice `json:"platforms"`
}

// choice is the archive for one platform.
type choice struct {
	Selector selector `json:"selector"`
	URI      string   `json:"uri"`
	SHA256   string   `json:"sha256"`
	Bin      string   `json:"bin"`
}

type selector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

const description = `Shows which of Astro's API tokens holds which role on which Workspace or Deployment,
and which ScopedTokenBinding declares it; makes bindings for what none declares;
says what manifests would change before they are applied, and why a binding is as
it is. It reads Kubernetes with your rights and Astro with an API token, and writes
to neither. The cluster has to have the kinds of the ScopedTokenBinding operator.
`

// manifestOf is the manifest by which krew installs the archives from the page of the release.
func manifestOf(version string, archives []archive) ([]byte, error) {
	m := manifest{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2", Kind: "Plugin", Metadata: map[string]string{"name": "stb"},
		Spec: spec{
			Version: version, Homepage: home + "/blob/" + version + "/docs/kubectl-stb.md",
			ShortDescription: "Show and plan the roles of Astro's API tokens", Description: description,
		},
	}
	for _, a := range archives {
		m.Spec.Platforms = append(m.Spec.Platforms, choice{
			Selector: selector{map[string]string{"os": a.platform.os, "arch": a.platform.arch}},
			URI:      home + "/releases/download/" + version + "/" + a.name,
			SHA256:   hex.EncodeToString(a.sum[:]),
			Bin:      a.platform.program(),
		})
	}
	return yaml.Marshal(m)
}
