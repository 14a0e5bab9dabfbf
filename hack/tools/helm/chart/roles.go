package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// role is a Role or ClusterRole, without what the chart says itself.
type role struct {
	Name   string            `yaml:"name"`
	Kind   string            `yaml:"kind"`
	Labels map[string]string `yaml:"labels,omitempty"`
	Rules  []any             `yaml:"rules"`
}

// gatherRoles writes the roles of a folder into one file, in the order of its files.
func gatherRoles(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return err
	}
	var all struct {
		Roles []role `yaml:"roles"`
	}
	for _, file := range files {
		roles, err := rolesIn(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		all.Roles = append(all.Roles, roles...)
	}
	content, err := yaml.Marshal(all)
	if err != nil {
		return err
	}
	return write(to, append([]byte("# Made from config/rbac by `make chart`.\n"), content...))
}

func rolesIn(file string) ([]role, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var roles []role
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var object struct {
			Kind     string
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Rules []any
		}
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return roles, nil
		} else if err != nil {
			return nil, err
		}
		if object.Kind == "Role" || object.Kind == "ClusterRole" {
			roles = append(roles, role{object.Metadata.Name, object.Kind, aggregation(object.Metadata.Labels), object.Rules})
		}
	}
}

// aggregation are the labels that add a role to one of the cluster's.
func aggregation(labels map[string]string) map[string]string {
	of := map[string]string{}
	for name, value := range labels {
		if strings.HasPrefix(name, "rbac.authorization.k8s.io/") {
			of[name] = value
		}
	}
	return of
}
