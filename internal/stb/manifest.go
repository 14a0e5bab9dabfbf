package stb

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// The annotations by which a reader knows what the ids stand for. Nothing reads them.
const (
	annotationToken  = "stb.astro.scopedtoken.dev/token"
	annotationTarget = "stb.astro.scopedtoken.dev/target"
)

var (
	astroID        = regexp.MustCompile(`^c[a-z0-9]{24,63}$`)
	unseen         = regexp.MustCompile(`[\p{C}\p{Zl}\p{Zp}\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{2800}\x{3164}\x{FFA0}]`) // as the API server has it
	workspaceRoles = []string{"WORKSPACE_ACCESSOR", "WORKSPACE_MEMBER", "WORKSPACE_AUTHOR", "WORKSPACE_OPERATOR", "WORKSPACE_OWNER"}
)

// longestRole is how many characters a role may have in a binding.
const longestRole = 256

// misfit is why no binding can declare the grant, or none would be Ready; empty if one would. credentials are the tokens whose
// roles the operator does not change through the connection.
func (g *Grant) misfit(credentials map[string]bool, now time.Time) string {
	scope, bindable := pin.ScopeOf(*g.token)
	switch {
	case !bindable:
		return "tokens of scope " + printable(g.Scope) + " cannot be bound"
	case g.Kind != astro.KindStandard:
		return "tokens of kind " + printable(g.Kind) + " cannot be bound"
	case credentials[g.TokenID]:
		return "the token is the credential of this connection or of a ClusterAstroConnection, whose roles the operator does not change through it"
	case g.expiresWithin(now, 0):
		return "the token has expired"
	case g.on == nil:
		return "Astro does not show the " + g.TargetKind + "; it may be gone"
	case scope == v1alpha1.ScopeWorkspace && g.token.Home() != "" && g.WorkspaceID != g.token.Home():
		return "a Workspace token works in its own Workspace only, and the Deployment is in another"
	case !astroID.MatchString(g.TokenID) || !astroID.MatchString(g.TargetID):
		return "an id is not of the form that bindings take"
	case !g.roleFits():
		return "a binding on a " + g.TargetKind + " cannot name this role"
	}
	return ""
}

// roleFits reports whether the API server takes the role, as the rules of the kind say.
func (g *Grant) roleFits() bool {
	if g.TargetKind == string(v1alpha1.TargetWorkspace) {
		return slices.Contains(workspaceRoles, g.Role)
	}
	return g.Role != "" && utf8.RuneCountInString(g.Role) <= longestRole && !unseen.MatchString(g.Role) &&
		!strings.HasPrefix(g.Role, "WORKSPACE_") && !strings.HasPrefix(g.Role, "ORGANIZATION_")
}

// binding is the object that declares the grant. Token and target are given by id, which is theirs for ever.
func (g *Grant) binding(namespace, name string, to v1alpha1.ConnectionReference, o exportOptions) *v1alpha1.ScopedTokenBinding {
	scope, _ := pin.ScopeOf(*g.token)
	return &v1alpha1.ScopedTokenBinding{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScopedTokenBinding"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Annotations: map[string]string{annotationToken: printable(g.Token), annotationTarget: printable(g.Target)},
		},
		Spec: v1alpha1.ScopedTokenBindingSpec{
			ConnectionRef: to,
			Token:         v1alpha1.TokenReference{Scope: scope, ID: v1alpha1.AstroID(g.TokenID)},
			Target:        v1alpha1.TargetReference{Kind: v1alpha1.TargetKind(g.TargetKind), ID: v1alpha1.AstroID(g.TargetID)},
			Role:          g.Role,
			Mode:          v1alpha1.Mode(o.mode), Adopt: v1alpha1.AdoptIfSameRole, DeletionPolicy: v1alpha1.DeletionPolicy(o.deletionPolicy),
		},
	}
}

// manifest is the object as it is written: without a status and what else the API server fills in.
func manifest(b *v1alpha1.ScopedTokenBinding) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(b)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: content}, nil
}
