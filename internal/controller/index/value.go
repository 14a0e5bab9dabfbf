package index

import "github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"

// TargetValue spells a target as Kind/id. It is "" while the id is not known.
func TargetValue(kind v1alpha1.TargetKind, id string) string {
	if id == "" {
		return ""
	}
	return string(kind) + "/" + id
}
