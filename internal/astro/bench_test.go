package astro

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkReadPage decodes a page of 1,000 tokens with 20 roles each, as a sweep of 10,000 bindings does.
func BenchmarkReadPage(b *testing.B) {
	var roles, rows []string
	for i := range 20 {
		roles = append(roles, fmt.Sprintf(`{"entityType":"DEPLOYMENT","entityId":"clp7sk1qr382163ozb5ejr%03d","role":"DEPLOYMENT_ADMIN"}`, i))
	}
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf(`{"id":"clt%022d","name":"token %d","description":"","scope":"ORGANIZATION","kind":"STANDARD","createdAt":"2026-01-02T03:04:05Z","roles":[%s]}`, i, i, strings.Join(roles, ",")))
	}
	body := []byte(`{"tokens":[` + strings.Join(rows, ",") + `],"totalCount":1000}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readPage(bytes.NewReader(body), "tokens", func(t Token) string { return t.ID }); err != nil {
			b.Fatal(err)
		}
	}
}
