package astro

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// eachField visits the fields of a JSON object in order: name, raw value, and where the value begins. The object must be
// valid JSON. It is faster than encoding/json, which matters because a sweep reads ten thousand entries.
func eachField(raw string, visit func(name, value string, at int) error) error {
	i := skipBlanks(raw, 0)
	if raw[i] != '{' {
		return errors.New("not a JSON object")
	}
	for i = skipBlanks(raw, i+1); raw[i] != '}'; {
		end := valueEnd(raw, i)
		name := unquote(raw[i:end])
		at := skipBlanks(raw, skipBlanks(raw, end)+1) // past the colon
		end = valueEnd(raw, at)
		if err := visit(name, raw[at:end], at); err != nil {
			return err
		}
		if i = skipBlanks(raw, end); raw[i] == ',' {
			i = skipBlanks(raw, i+1)
		}
	}
	return nil
}

// maxRoles is how many roles of a token are read: more than an answer has room for, unless they are next to nothing on the wire.
const maxRoles = 20_000

// tooManyRoles reports whether a list has more. What there is of it must be valid JSON.
func tooManyRoles(raw json.RawMessage) bool {
	return len(raw) > len("{},")*maxRoles && hasMoreThan(maxRoles, string(raw))
}

// hasMoreThan counts the entries of a JSON array, which must be valid JSON.
func hasMoreThan(most int, raw string) bool {
	i := skipBlanks(raw, 0)
	if raw[i] != '[' {
		return false
	}
	for i = skipBlanks(raw, i+1); raw[i] != ']'; most-- {
		if most == 0 {
			return true
		}
		if i = skipBlanks(raw, valueEnd(raw, i)); raw[i] == ',' {
			i = skipBlanks(raw, i+1)
		}
	}
	return false
}

func skipBlanks(raw string, i int) int {
	for i < len(raw) && strings.IndexByte(" \t\r\n", raw[i]) >= 0 {
		i++
	}
	return i
}

// valueEnd is where the value that begins at i ends.
func valueEnd(raw string, i int) int {
	for depth := 0; ; {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\r', '\n': // between what is inside; a string may follow
			i++
		default:
			i = scalarEnd(raw, i)
		}
		if depth == 0 {
			return i
		}
	}
}

func scalarEnd(raw string, i int) int {
	for i++; i < len(raw) && strings.IndexByte(",:}] \t\r\n", raw[i]) < 0; i++ {
	}
	return i
}

func stringEnd(raw string, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// readString takes a JSON string, or null for none.
func readString(value string, to *string) error {
	switch {
	case value == "null":
		return nil
	case value[0] != '"':
		return errors.New("not a string: " + value)
	}
	*to = unquote(value)
	return nil
}

func unquote(value string) string {
	plain := value[1 : len(value)-1]
	if strings.IndexByte(plain, '\\') < 0 && utf8.ValidString(plain) {
		return plain
	}
	var s string
	_ = json.Unmarshal([]byte(value), &s) // a valid string
	return s
}

// replaceField gives every field of that name the new value in place, or adds it at the end.
func replaceField(raw, name, value string) string {
	var out strings.Builder
	from, fields, found := 0, 0, false
	_ = eachField(raw, func(n, old string, at int) error { // raw was read before, so it is an object
		fields++
		if n == name {
			out.WriteString(raw[from:at] + quote(value))
			from, found = at+len(old), true
		}
		return nil
	})
	if found {
		return out.String() + raw[from:]
	}
	end := strings.LastIndexByte(raw, '}')
	comma := ","
	if fields == 0 {
		comma = ""
	}
	return raw[:end] + comma + quote(name) + ":" + quote(value) + raw[end:]
}

// quote is a JSON string without the escapes that only HTML needs.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
