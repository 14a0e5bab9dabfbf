package fault

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// mostRefusal keeps the words of a policy from filling a status or an event.
const mostRefusal = 700

// DroppedError is the error of a write that Kubernetes has taken without a part of it.
type DroppedError struct {
	What string // the part
}

func (e *DroppedError) Error() string { return "the API server took the write, but not " + e.What }

// RefusedByKubernetes reports whether the API server refuses a write for a reason that the next try meets as well: RBAC, a
// quota, an admission policy, a webhook that says no, that fails, or that takes a part out. That somebody else was first,
// that the object is gone, and that the API server is busy or away is no refusal.
func RefusedByKubernetes(err error) bool {
	var status apierrors.APIStatus
	if _, dropped := errors.AsType[*DroppedError](err); dropped {
		return true
	}
	if !errors.As(err, &status) {
		return false
	}
	switch code := status.Status().Code; code {
	case http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return code >= http.StatusBadRequest && code <= http.StatusInternalServerError
	}
}

// FromKubernetesError is the fault that a refused write to Kubernetes means for the condition, in the API server's words;
// nil if the error is no refusal. A refusal waits for somebody. A webhook that fails may answer the next time, so that what
// is Ready stays so.
func FromKubernetesError(condition, doing string, err error) *Fault {
	if !RefusedByKubernetes(err) {
		return nil
	}
	var status apierrors.APIStatus
	if _, dropped := errors.AsType[*DroppedError](err); dropped {
		return NotTrue(condition, v1alpha1.ReasonKubernetesRefused, "%s: %s%s", doing, text.Clip(err.Error(), mostRefusal),
			"; exempt the operator's service account from the policy or webhook that takes this out of its writes, and apply the CRDs of the operator's version")
	}
	errors.As(err, &status)
	const next = "; let the operator's service account make this request, and exempt it from the policy that refuses it"
	if status.Status().Code == http.StatusInternalServerError {
		f := CouldNotCheck(condition, v1alpha1.ReasonKubernetesRefused, "%s: %s%s", doing, text.Clip(err.Error(), mostRefusal), again)
		f.Transient = true
		return f
	}
	return NotTrue(condition, v1alpha1.ReasonKubernetesRefused, "%s: %s%s", doing, text.Clip(err.Error(), mostRefusal), next)
}
