package astrosim

// builtIn is a role that every Organization has. It has no id.
type builtIn struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Permissions []string `json:"permissions"`
	ScopeType   string   `json:"scopeType"`
}

// Names of the built-in roles that the rules speak of.
const (
	roleOrgOwner           = "ORGANIZATION_OWNER"
	roleWorkspaceOwner     = "WORKSPACE_OWNER"
	roleWorkspaceAccessor  = "WORKSPACE_ACCESSOR"
	roleDeploymentAdmin    = "DEPLOYMENT_ADMIN"
	roleDeploymentAccessor = "DEPLOYMENT_ACCESSOR"
)

// builtIns are the built-in roles, strongest first within a scope.
var builtIns = []builtIn{
	{roleOrgOwner, "Full control of the Organization.", []string{"organization.get", "organization.update", "organization.apiTokens.access", "organization.customRoles.get", "organization.deployments.get", "organization.workspaces.get", "organization.billing.get"}, TypeOrganization},
	{"ORGANIZATION_BILLING_ADMIN", "Billing of the Organization.", []string{"organization.get", "organization.billing.get", "organization.billing.update"}, TypeOrganization},
	{"ORGANIZATION_OBSERVE_ADMIN", "Administration of Observe.", []string{"organization.get", "organization.observe.get", "organization.observe.update"}, TypeOrganization},
	{"ORGANIZATION_OBSERVE_MEMBER", "Use of Observe.", []string{"organization.get", "organization.observe.get"}, TypeOrganization},
	{"ORGANIZATION_MEMBER", "Membership of the Organization.", []string{"organization.get"}, TypeOrganization},
	{roleWorkspaceOwner, "Full control of a Workspace.", []string{"workspace.get", "workspace.update", "workspace.apiTokens.get", "workspace.apiTokens.update", "workspace.deployments.get", "workspace.deployments.create"}, TypeWorkspace},
	{"WORKSPACE_OPERATOR", "Operation of the Deployments of a Workspace.", []string{"workspace.get", "workspace.apiTokens.get", "workspace.deployments.get", "workspace.deployments.create"}, TypeWorkspace},
	{"WORKSPACE_AUTHOR", "Deploys to a Workspace.", []string{"workspace.get", "workspace.deployments.get"}, TypeWorkspace},
	{"WORKSPACE_MEMBER", "Read access to a Workspace.", []string{"workspace.get", "workspace.deployments.get"}, TypeWorkspace},
	{roleWorkspaceAccessor, "Sees the Workspace only.", []string{"workspace.get"}, TypeWorkspace},
	{roleDeploymentAdmin, "Full control of a Deployment.", []string{"deployment.get", "deployment.update", "deployment.apiTokens.get", "deployment.apiTokens.update"}, TypeDeployment},
	{roleDeploymentAccessor, "Sees the Deployment only.", []string{"deployment.get"}, TypeDeployment},
	{"DAG_AUTHOR", "Changes and runs a DAG.", []string{"dag.get", "dag.update", "dag.run"}, TypeDAG},
	{"DAG_VIEWER", "Read access to a DAG.", []string{"dag.get"}, TypeDAG},
}

// roleScope is the scope of the roles that fit an entity type.
func roleScope(entityType string) string {
	if entityType == TypeDAGTag {
		return TypeDAG
	}
	return entityType
}

func knownEntityType(t string) bool {
	switch t {
	case TypeOrganization, TypeWorkspace, TypeDeployment, TypeDAG, TypeDAGTag:
		return true
	}
	return false
}
