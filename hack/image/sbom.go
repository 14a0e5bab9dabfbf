package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// authoritiesModule is where the image's authorities come from; it is in the image and in no program.
const authoritiesModule = "golang.org/x/crypto/x509roots/fallback"

// bom is a bill of materials in CycloneDX's JSON, as far as it says anything here. Without a time and a serial number, as
// the same image has the same bill.
type bom struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// writeBOM writes what the programs are made of, as their linker noted it, and what else is in the image.
func writeBOM(path string, o options, programs map[string][]byte) error {
	parts := map[string]component{}
	image := component{Type: "container", Ref: "image", Name: labels(o)["org.opencontainers.image.title"], Version: o.version}
	b := bom{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: metadata{image}}
	for platform, binary := range programs {
		program, modules, err := materials(platform, binary)
		if err != nil {
			return err
		}
		parts[program.Ref] = program
		b.Dependencies = append(b.Dependencies, dependency{program.Ref, refs(modules)})
		for _, m := range modules {
			parts[m.Ref] = m
		}
	}
	roots, err := authoritiesPart()
	if err != nil {
		return err
	}
	parts[roots.Ref] = roots
	for _, part := range parts {
		b.Components = append(b.Components, part)
	}
	slices.SortFunc(b.Components, func(one, other component) int { return strings.Compare(one.Ref, other.Ref) })
	b.Dependencies = append(b.Dependencies, dependency{image.Ref, append(programRefs(programs), roots.Ref)})
	slices.SortFunc(b.Dependencies, func(one, other dependency) int { return strings.Compare(one.Ref, other.Ref) })
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// materials are a program and the modules that it was linked from, Go's own library among them.
func materials(platform string, binary []byte) (component, []component, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return component{}, nil, fmt.Errorf("read what the program for %s is made of: %w", platform, err)
	}
	sum := sha256.Sum256(binary)
	program := component{
		Type: "application", Ref: programRef(platform), Name: info.Path, Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}},
		Properties: []property{{"platform", platform}},
	}
	modules := []component{module(&debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})}
	for _, m := range info.Deps {
		modules = append(modules, module(m))
	}
	return program, modules, nil
}

func module(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	id := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: id, Name: m.Path, Version: m.Version, PURL: id}
	if m.Sum != "" {
		c.Properties = []property{{"go.sum", m.Sum}}
	}
	return c
}

// authoritiesPart is the module of the authorities in the version that this program was built with.
func authoritiesPart() (component, error) {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == authoritiesModule {
				return module(m), nil
			}
		}
	}
	return component{}, fmt.Errorf("this program does not know its version of %s", authoritiesModule)
}

func programRef(platform string) string { return "program " + platform }

func programRefs(programs map[string][]byte) []string {
	var all []string
	for platform := range programs {
		all = append(all, programRef(platform))
	}
	slices.Sort(all)
	return all
}

func refs(parts []component) []string {
	var all []string
	for _, part := range parts {
		all = append(all, part.Ref)
	}
	return all
}
