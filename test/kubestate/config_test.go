package kubestate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// config is the form that kube-state-metrics reads. What it does not know here is refused.
type config struct {
	Kind string `json:"kind"`
	Spec struct {
		Resources []resource `json:"resources"`
	} `json:"spec"`
}

type resource struct {
	GroupVersionKind struct{ Group, Version, Kind string } `json:"groupVersionKind"`
	MetricNamePrefix string                                `json:"metricNamePrefix"`
	LabelsFromPath   map[string][]string                   `json:"labelsFromPath"`
	Metrics          []metric                              `json:"metrics"`
}

type metric struct {
	Name string `json:"name"`
	Help string `json:"help"`
	Each struct {
		Type     string  `json:"type"`
		Gauge    *values `json:"gauge"`
		StateSet *values `json:"stateSet"`
		Info     *values `json:"info"`
	} `json:"each"`
}

// values are what a metric shows, of any type.
type values struct {
	Path           []string            `json:"path"`
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
	ValueFrom      []string            `json:"valueFrom"`
	NilIsZero      bool                `json:"nilIsZero"`
	LabelName      string              `json:"labelName"`
	List           []string            `json:"list"`
}

// schema is as much of a CustomResourceDefinition's schema as a path is looked up in.
type schema struct {
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
}

// at is the schema that a path leads to; of a list, that of its items.
func (s schema) at(path []string) (schema, bool) {
	for _, field := range path {
		next, known := s.Properties[field]
		if !known {
			return schema{}, false
		}
		s = next
	}
	if s.Items != nil {
		s = *s.Items
	}
	return s, true
}

// kinds are the schemas of the kinds, with the metadata that every object has.
func kinds(t *testing.T) map[string]schema {
	t.Helper()
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]schema{}
	for _, file := range files {
		var d struct {
			Spec struct {
				Names    struct{ Kind string } `json:"names"`
				Versions []struct {
					Schema struct {
						OpenAPI schema `json:"openAPIV3Schema"`
					} `json:"schema"`
				} `json:"versions"`
			} `json:"spec"`
		}
		load(t, file, func(content []byte) error { return yaml.Unmarshal(content, &d) })
		root := d.Spec.Versions[0].Schema.OpenAPI
		root.Properties["metadata"] = schema{Properties: map[string]schema{"namespace": {}, "name": {}, "generation": {}}}
		all[d.Spec.Names.Kind] = root
	}
	return all
}

func load(t *testing.T, file string, decode func([]byte) error) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(content); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestConfig: every kind is shown, and every path leads to a field of it.
func TestConfig(t *testing.T) {
	var c config
	load(t, "../../config/prometheus/kube-state-metrics.yaml", func(content []byte) error { return yaml.UnmarshalStrict(content, &c) })
	if c.Kind != "CustomResourceStateMetrics" {
		t.Errorf("kube-state-metrics does not know the kind %q", c.Kind)
	}
	left := kinds(t)
	for i := range c.Spec.Resources {
		r := &c.Spec.Resources[i]
		gvk := r.GroupVersionKind
		root, known := left[gvk.Kind]
		if !known || gvk.Group != "astro.scopedtoken.dev" || gvk.Version != "v1alpha1" || r.MetricNamePrefix != "kube_"+strings.ToLower(gvk.Kind) {
			t.Errorf("there is no such kind, or it is shown twice, or under another prefix: %+v", *r)
			continue
		}
		delete(left, gvk.Kind)
		for label, path := range r.LabelsFromPath {
			lookUp(t, gvk.Kind+"."+label, root, path)
		}
		var names []string
		for _, m := range r.Metrics {
			names = append(names, m.Name)
			m.check(t, gvk.Kind+"."+m.Name, root)
		}
		if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s has two metrics of one name: %q", gvk.Kind, names)
		}
	}
	for kind := range left {
		t.Errorf("%s is not shown", kind)
	}
}

// check looks up whatever the metric shows.
func (m metric) check(t *testing.T, name string, root schema) {
	t.Helper()
	of, known := map[string]*values{"Gauge": m.Each.Gauge, "StateSet": m.Each.StateSet, "Info": m.Each.Info}[m.Each.Type]
	if !known || of == nil || m.Help == "" {
		t.Errorf("%s says %s and has no such values, or no help", name, m.Each.Type)
		return
	}
	if m.Each.StateSet != nil && (of.LabelName == "" || len(of.List) == 0 || len(of.ValueFrom) == 0) {
		t.Errorf("%s has no states", name)
	}
	here := lookUp(t, name, root, of.Path)
	lookUp(t, name, here, of.ValueFrom)
	for label, path := range of.LabelsFromPath {
		lookUp(t, name+"."+label, here, path)
	}
}

func lookUp(t *testing.T, name string, in schema, path []string) schema {
	t.Helper()
	found, known := in.at(path)
	if !known {
		t.Errorf("%s: there is no %s", name, strings.Join(path, "."))
	}
	return found
}
