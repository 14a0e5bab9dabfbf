package resolve

import (
	"fmt"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/lookalike"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Hint says that there is something whose name looks like the one that was asked for, and how it differs; "" if it does not
// look like it. Whoever shows it has asked the rules whether the reader may know. Roles have no id.
func Hint(asked, name, id string) string {
	difference := lookalike.Difference(asked, name)
	switch {
	case difference == "":
		return ""
	case id == "":
		return fmt.Sprintf("; there is one that differs %s: %s", difference, text.Quote(name))
	default:
		return fmt.Sprintf("; there is one that differs %s: %s (%s)", difference, id, text.Quote(name))
	}
}
