package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
)

// What follows differs from the document on purpose.

// newerTypes and newerFields are what tests put into role entries as a newer Astro would: types of entity and fields that
// the document does not know, to see that they are kept. They are taken out of an exchange before it is checked.
var (
	newerTypes  = []string{"ASSET", "CLUSTER", "FUTURE_THING", "POOL"}
	newerFields = []string{"by", "expires", "extra", "grantedBy", "more", "n", "nested", "note", "since", "tags", "via", "x", "zone"}
)

// undescribedPath matches what the simulated Astro serves of the real API that a document cut to tokens is without.
var undescribedPath = regexp.MustCompile(`^` + base + `/organizations/[^/]+/clusters(/[^/]+)?$`)

func undescribed(path string) bool { return undescribedPath.MatchString(path) }

// withoutNewer is the exchange without what a newer Astro would have put into it.
func (e *exchange) withoutNewer() (*exchange, error) {
	if !mentionsNewer(e.Body) && !mentionsNewer(e.Answer) {
		return e, nil
	}
	stripped := *e
	var err error
	if stripped.Body, err = stripNewer(e.Body); err == nil {
		stripped.Answer, err = stripNewer(e.Answer)
	}
	return &stripped, err
}

var newer = regexp.MustCompile(`"(` + alternatives(newerTypes) + `)"|"(` + alternatives(newerFields) + `)"\s*:`)

func alternatives(names []string) string {
	var b bytes.Buffer
	for i, name := range names {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(regexp.QuoteMeta(name))
	}
	return b.String()
}

func mentionsNewer(text string) bool { return newer.MatchString(text) }

func stripNewer(text string) (string, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return text, nil //nolint:nilerr // what is not JSON is for the check to say
	}
	stripped, err := json.Marshal(strip(value))
	return string(stripped), err
}

// strip goes down to the role entries wherever they are.
func strip(value any) any {
	switch value := value.(type) {
	case []any:
		kept := make([]any, 0, len(value))
		for _, item := range value {
			if entry, is := item.(map[string]any); is && isNewerEntry(entry) {
				continue
			}
			kept = append(kept, strip(item))
		}
		return kept
	case map[string]any:
		if _, isEntry := value["entityType"]; isEntry {
			maps.DeleteFunc(value, func(name string, _ any) bool { return slices.Contains(newerFields, name) })
		}
		for name, item := range value {
			value[name] = strip(item)
		}
	}
	return value
}

func isNewerEntry(entry map[string]any) bool {
	kind, _ := entry["entityType"].(string)
	return slices.Contains(newerTypes, kind)
}
