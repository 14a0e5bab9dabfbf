package apirules

import (
	"fmt"
	"testing"
)

// unseen are characters that controls, logs and columns act upon, or that no font shows. One of each sort.
var unseen = map[string]struct {
	reason string
	text   string
}{
	"LineBreak":          {"A second line of a log would be the user's own.", "\n"},
	"Escape":             {"A terminal obeys what follows.", "\x1b"},
	"Delete":             {"It is a control character, too.", "\x7f"},
	"NextLine":           {"So are those of C1: this one breaks lines.", "\u0085"},
	"ControlSequence":    {"This one is ESC [ in one character.", "\u009b"},
	"LineSeparator":      {"Unicode has a line break of its own.", "\u2028"},
	"ParagraphSeparator": {"And one for paragraphs.", "\u2029"},
	"ZeroWidthSpace":     {"A name that looks like another one.", "\u200b"},
	"ZeroWidthJoiner":    {"Likewise.", "\u200d"},
	"WordJoiner":         {"Likewise.", "\u2060"},
	"ByteOrderMark":      {"Likewise.", "\ufeff"},
	"SoftHyphen":         {"Likewise.", "\u00ad"},
	"Override":           {"The rest of the line would be read from right to left.", "\u202e"},
	"Isolate":            {"Likewise.", "\u2066"},
	"Mark":               {"A mark of direction.", "\u200f"},
	"Tag":                {"Text that nobody sees.", "\U000e0041"},
	"PrivateUse":         {"What it looks like is for each font to say.", "\ue000"},
	"GraphemeJoiner":     {"A mark that joins, and has no width.", "\u034f"},
	"HangulInitial":      {"A letter that stands for none.", "\u115f"},
	"HangulVowel":        {"Likewise.", "\u1160"},
	"KhmerVowelAQ":       {"A vowel that is not written.", "\u17b4"},
	"KhmerVowelAA":       {"Likewise.", "\u17b5"},
	"BrailleBlank":       {"A pattern of no dots.", "\u2800"},
	"HangulFiller":       {"A letter that stands for none.", "\u3164"},
	"HalfWidthFiller":    {"Likewise.", "\uffa0"},
}

// TestSeenCharacters: what is seen, in whatever script, is a name as any other.
func TestSeenCharacters(t *testing.T) {
	for name, text := range map[string]string{
		"Emoji": "\u2764\ufe0f", "Hangul": "\ud55c\uae00", "Jamo": "\u1112\u1161", "Khmer": "\u1780\u17b6", "Accent": "e\u0301", "Braille": "\u2801", "Space": "a b",
	} {
		t.Run(name, func(t *testing.T) {
			spec := `{connectionRef: {name: acme}, token: {scope: Organization, name: "` + text + `"}, target: {kind: Deployment, id: <dep>}, role: "` + text + `"}`
			_, err := create(t, manifest(t, "ScopedTokenBinding", spec))
			check(t, text, err, accepted)
			rule := ruleWith("namespaces: {names: [a]}", `{scope: Organization, namePrefixes: ["`+text+`"]}`, `{workspaceIds: ["*"]}`)
			_, err = create(t, manifest(t, "ClusterAstroConnection", rule))
			check(t, text, err, accepted)
		})
	}
}

// TestUnseenCharacters: what cannot be seen, or does something, is in no name that is copied into columns, logs, events.
func TestUnseenCharacters(t *testing.T) {
	for name, c := range unseen {
		t.Run(name, func(t *testing.T) {
			quoted := fmt.Sprintf(`"\U%08x"`, []rune(c.text)[0]) // as YAML has it
			quoted = `"ci` + quoted[1:len(quoted)-1] + `x"`
			for field, spec := range map[string]string{
				"spec.token.name":  `{connectionRef: {name: acme}, token: {scope: Organization, name: ` + quoted + `}, target: {kind: Deployment, id: <dep>}}`,
				"spec.target.name": `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, name: ` + quoted + `}, role: WORKSPACE_MEMBER}`,
				"spec.role":        `{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}, role: ` + quoted + `}`,
			} {
				_, err := create(t, manifest(t, "ScopedTokenBinding", spec))
				check(t, c.reason+" "+field, err, refused(field[len("spec."):]+" must not hold"))
			}
			for field, rule := range map[string]string{
				"namePrefixes[0]": ruleWith("namespaces: {names: [a]}", "{scope: Organization, namePrefixes: ["+quoted+"]}", `{workspaceIds: ["*"]}`),
				"roles[0]":        connectionWith(`allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: [` + quoted + `]}]`),
			} {
				_, err := create(t, manifest(t, "ClusterAstroConnection", rule))
				check(t, c.reason+" "+field, err, refused(field, "should match"))
			}
		})
	}
}
