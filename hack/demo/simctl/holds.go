package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
)

// token is what astrosim tells of a token.
type token struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Scope string `json:"scope"`
	Roles []role `json:"roles"`
}

type role struct {
	EntityType string `json:"entityType"`
	EntityID   string `json:"entityId"`
	Name       string `json:"name"` // of the entity
	Role       string `json:"role"`
}

// place is where a token may hold one role.
type place struct{ token, entityType, entityID string }

// row is a role as it is shown, before and now.
type row struct {
	place

	tokenName, scope, name, was, is string
}

func (s simulator) tokens(ctx context.Context) ([]token, []byte, error) {
	data, err := s.do(ctx, "GET", "tokens", nil)
	if err != nil {
		return nil, nil, err
	}
	var tokens []token
	return tokens, data, json.Unmarshal(data, &tokens)
}

// role prints the role of the token on the Workspace or Deployment.
func (s simulator) role(ctx context.Context, tokenName, target string, out io.Writer) error {
	tokens, _, err := s.tokens(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows(nil, tokens) {
		if r.tokenName == tokenName && r.name == target && (r.entityType == "WORKSPACE" || r.entityType == "DEPLOYMENT") {
			_, err = fmt.Fprintln(out, r.is)
		}
	}
	return err
}

// holds prints every role, those that changed since the file was written with a mark, and writes the file anew.
func (s simulator) holds(ctx context.Context, file string, out io.Writer) error {
	now, data, err := s.tokens(ctx)
	if err != nil {
		return err
	}
	before, err := read(file)
	if errors.Is(err, fs.ErrNotExist) {
		before, err = now, nil
	}
	if err != nil {
		return err
	}
	if err := show(rows(before, now), out); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

func read(file string) ([]token, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var tokens []token
	return tokens, json.Unmarshal(data, &tokens)
}

// rows puts the roles of before and now side by side, in the order of now, with those that are gone at the end.
func rows(before, now []token) []row {
	var all []row
	at := map[place]int{}
	for _, side := range []struct {
		tokens []token
		set    func(*row, string)
	}{
		{now, func(r *row, role string) { r.is = role }},
		{before, func(r *row, role string) { r.was = role }},
	} {
		for _, t := range side.tokens {
			for _, r := range t.Roles {
				p := place{t.ID, r.EntityType, r.EntityID}
				if _, known := at[p]; !known {
					at[p] = len(all)
					all = append(all, row{place: p, tokenName: t.Name, scope: t.Scope, name: r.Name})
				}
				side.set(&all[at[p]], r.Role)
			}
		}
	}
	return all
}

// show prints rows as a table.
func show(all []row, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\tTOKEN\tMADE IN\tON\tNAME\tROLE") // errors come with Flush
	for _, r := range all {
		mark, now := r.mark()
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, r.tokenName, title(r.scope), title(r.entityType), r.name, now)
	}
	return table.Flush()
}

// mark tells a change: + for a role that came, ~ for one that changed, - for one that went.
func (r row) mark() (mark, now string) {
	switch {
	case r.was == r.is:
		return "", r.is
	case r.was == "":
		return "+", r.is
	case r.is == "":
		return "-", "none (was " + r.was + ")"
	default:
		return "~", r.is + " (was " + r.was + ")"
	}
}

func title(word string) string {
	if word == "" {
		return ""
	}
	return word[:1] + strings.ToLower(word[1:])
}
