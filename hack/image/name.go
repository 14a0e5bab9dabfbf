package main

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// parseName reads the name of an image as container engines do: a tag is needed, a registry is not.
func parseName(text string) (name.Tag, error) {
	tag, err := name.NewTag(text)
	if err != nil {
		return tag, fmt.Errorf("--name: %w", err)
	}
	return tag, nil
}

// full is the name as the runtime of a node looks it up: that of Docker's registry differs from its host.
func full(tag name.Tag) string {
	return strings.Replace(tag.Name(), "index.docker.io/", "docker.io/", 1)
}

// labels say what the image is. They stand on the index too, where registries look for them.
func labels(o options) map[string]string {
	all := map[string]string{
		"org.opencontainers.image.title":       "scopedtoken-operator",
		"org.opencontainers.image.description": "Declares which API token of Astro holds which role on which Workspace or Deployment.",
		"org.opencontainers.image.source":      "https://github.com/scopedtoken/scopedtoken-operator",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     o.version,
		"org.opencontainers.image.revision":    o.revision,
	}
	for key, value := range all {
		if value == "" {
			delete(all, key)
		}
	}
	return all
}
