package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestLedger(t *testing.T) {
	const token, ws = "t", "w"
	at := time.Unix(1000, 0)
	roles := func(role string) []astrosim.Role {
		if role == "" {
			return nil
		}
		return []astrosim.Role{astrosim.WorkspaceRole(ws, role)}
	}
	write := func(from, to string) astrosim.RoleWrite {
		return astrosim.RoleWrite{Time: at, TokenID: token, Before: roles(from), After: roles(to), Status: http.StatusOK}
	}
	others := func(from, to string, before time.Duration) astrosim.RoleWrite {
		w := write(from, to)
		w.OutOfBand, w.Time = true, at.Add(-before)
		return w
	}
	cases := map[string]struct {
		reason   string
		declared []string
		audit    []astrosim.RoleWrite
		needless int
	}{
		"Declared":   {"What was declared is written.", []string{"MEMBER"}, []astrosim.RoleWrite{write("", "MEMBER")}, 0},
		"Revoked":    {"What is declared no more is removed.", []string{""}, []astrosim.RoleWrite{write("MEMBER", "")}, 0},
		"Twice":      {"One reason is good for one change.", []string{"MEMBER"}, []astrosim.RoleWrite{write("", "MEMBER"), write("", "MEMBER")}, 1},
		"Nothing":    {"A write that changes nothing is needless.", []string{"MEMBER"}, []astrosim.RoleWrite{write("MEMBER", "MEMBER")}, 1},
		"Undeclared": {"A role that nobody declared is wrong.", []string{"MEMBER"}, []astrosim.RoleWrite{write("", "OWNER")}, 1},
		"Unasked":    {"So is any change where nothing happened.", nil, []astrosim.RoleWrite{write("MEMBER", "")}, 1},
		"Overtaken":  {"Astro lets others in between a read and a write.", []string{""}, []astrosim.RoleWrite{others("MEMBER", "", time.Millisecond), write("", "")}, 0},
		"Long after": {"But not for ever.", []string{""}, []astrosim.RoleWrite{others("MEMBER", "", time.Second), write("", "")}, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			for _, role := range tc.declared {
				l.note(place{token, ws}, role)
			}
			l.close(1, tc.audit)
			if len(l.needless) != tc.needless {
				t.Errorf("%s want %d needless, got %q", tc.reason, tc.needless, l.needless)
			}
			if len(l.due) != 0 {
				t.Error("the books are not closed")
			}
		})
	}
}
