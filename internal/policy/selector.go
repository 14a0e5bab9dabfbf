package policy

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Selectors are matched as they stand: the rules are asked for every binding, and what Kubernetes' library makes of a selector first
// costs a hundred times what the answer does. TestSelectorsSelectAsInKubernetes compares the answers with that library's.

// selects says whether the selector selects the labels. An empty selector, or one that Kubernetes cannot read, selects nothing.
// No labels are labels that are not known, since every namespace has at least its name for a label: they are not taken
// for a namespace that lacks the label it must not have.
func selects(selector *metav1.LabelSelector, labels map[string]string) bool {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 || len(labels) == 0 {
		return false
	}
	for key, value := range selector.MatchLabels {
		if has, is := labels[key]; !is || has != value {
			return false
		}
	}
	for i := range selector.MatchExpressions {
		if !meets(&selector.MatchExpressions[i], labels) {
			return false
		}
	}
	return true
}

// meets says whether the labels meet one expression. One that cannot be read is met by none.
func meets(e *metav1.LabelSelectorRequirement, labels map[string]string) bool {
	has, is := labels[e.Key]
	switch e.Operator {
	case metav1.LabelSelectorOpIn:
		return is && slices.Contains(e.Values, has) && validValues(e.Values)
	case metav1.LabelSelectorOpNotIn:
		return len(e.Values) > 0 && (!is || !slices.Contains(e.Values, has)) && validKey(e.Key) && validValues(e.Values)
	case metav1.LabelSelectorOpExists:
		return is && len(e.Values) == 0
	case metav1.LabelSelectorOpDoesNotExist:
		return !is && len(e.Values) == 0 && validKey(e.Key)
	default:
		return false
	}
}

func validValues(values []string) bool {
	for _, value := range values {
		if value != "" && !validName(value) {
			return false
		}
	}
	return true
}

// validKey says whether a label may have the key: a name, or a domain and a name.
func validKey(key string) bool {
	const longest = 253
	domain, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		return validName(key)
	}
	return len(domain) <= longest && validName(name) && validDomain(domain)
}

func validName(name string) bool {
	const longest = 63
	if name == "" || len(name) > longest || !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return false
	}
	for i := 1; i < len(name)-1; i++ {
		if c := name[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// validDomain says whether each word between the dots has small letters, digits, and hyphens that do not stand at an end.
func validDomain(domain string) bool {
	for word := range strings.SplitSeq(domain, ".") {
		if word == "" || strings.HasPrefix(word, "-") || strings.HasSuffix(word, "-") || strings.ContainsFunc(word, strange) {
			return false
		}
	}
	return true
}

func strange(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z'
}

// TellsApart says whether a rule of the connection selects a namespace by one of two sets of labels, and not by the other.
func TellsApart(c v1alpha1.Connection, a, b map[string]string) bool {
	return slices.ContainsFunc(c.ConnectionSpec().Allow, func(rule v1alpha1.AllowRule) bool {
		return selects(rule.Namespaces.Selector, a) != selects(rule.Namespaces.Selector, b)
	})
}
