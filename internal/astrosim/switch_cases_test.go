package astrosim_test

import (
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// switchCases are, for each switch, the question put over HTTP and the answer at each of its values; a star stands for
// anything.
var switchCases = map[string]struct {
	ask     asked
	answers map[astrosim.Choice]string
}{
	"deployment-without-workspace": {deploymentOnly, map[astrosim.Choice]string{
		"Accept": "200 [org=OM dep=DA]", "Reject400": "400 [org=OM]", "Reject403": "403 [org=OM]", "AddAccessor": "200 [org=OM dep=DA ws=WORKSPACE_ACCESSOR]"}},
	"dag-without-deployment": {dagOnly, map[astrosim.Choice]string{
		"Accept": "200 [org=OM DAG/daily@dep=DAG_VIEWER]", "Reject400": "400 [org=OM]",
		"AddAccessor": "200 [org=OM DAG/daily@dep=DAG_VIEWER dep=DEPLOYMENT_ACCESSOR]"}},
	"remove-workspace-role": {dropWorkspace, map[astrosim.Choice]string{
		"Accept": "200 [org=OM dep=DA]", "Reject": "400 [org=OM ws=WM dep=DA]", "Cascade": "200 [org=OM]",
		"AddAccessor": "200 [org=OM dep=DA ws=WORKSPACE_ACCESSOR]"}},
	"missing-own-scope-role": {withoutOwnScope, map[astrosim.Choice]string{"Reject": "400 [org=OM]", "Accept": "200 [ws=WM]"}},
	"scope-rules":            {aboveScope, map[astrosim.Choice]string{"Reject": "400 [ws=WM]", "Accept": "200 [ws=WM org=OM]"}},
	"unknown-entity":         {onNothing, map[astrosim.Choice]string{"Reject400": "400 [org=OM]", "Reject404": "404 [org=OM]"}},
	"dead-entity":            {onDead, map[astrosim.Choice]string{"Reject": "400 [org=OM]", "Accept": "200 [org=OM dep=DA]"}},
	"deployment-deletion": {deleteDeployment, map[astrosim.Choice]string{
		"Strip": "[org=OM] own token left: false", "Keep": "[org=OM dep=DA DAG/daily@dep=DAG_VIEWER] own token left: false"}},
	"workspace-deletion": {deleteWorkspace, map[astrosim.Choice]string{
		"Strip": "[org=OM] own token left: false", "Keep": "[org=OM ws=WM] own token left: false"}},
	"deployment-transfer": {moveDeployment, map[astrosim.Choice]string{
		"Keep":  "[org=OM ws=WM dep=DA DAG/daily@dep=DAG_VIEWER] in ws2, its own token: [dep=DA]",
		"Strip": "[org=OM ws=WM] in ws2, its own token: [dep=DA]"}},
	"duplicates": {twice, map[astrosim.Choice]string{"Reject": "400 [org=OM]", "Merge": "200 [org=OM ws=WM]"}},
	"role-name-case": {otherCase, map[astrosim.Choice]string{
		"Exact": "400 [org=OM]", "Ignore": "200 [org=OM dep=deploy only]", "Canonical": "200 [org=OM dep=Deploy Only]"}},
	"custom-role-change": {renameCustomRole, map[astrosim.Choice]string{
		"Keep": "[org=OM dep=Deploy Only] 200", "Follow": "[org=OM dep=Shipper] 400", "Strip": "[org=OM] 400", "RejectNextWrite": "[org=OM dep=Deploy Only] 400"}},
	"foreign-deployment":        {foreignDeployment, map[astrosim.Choice]string{"Reject": "400 [ws=WM]", "Accept": "200 [ws=WM dep2=DA]"}},
	"dag-roles":                 {dagOnWorkspaceToken, map[astrosim.Choice]string{"AnyToken": "200", "OrgTokensOnly": "400"}},
	"direct-access-roles":       {writeTo(astrosim.Kind("DIRECT_ACCESS")), map[astrosim.Choice]string{"Reject": "400", "Accept": "200"}},
	"expired-token-roles":       {writeTo(astrosim.Expires(time.Unix(0, 0))), map[astrosim.Choice]string{"Accept": "200", "Reject": "400"}},
	"expired-token-lists":       {listExpired, map[astrosim.Choice]string{"Listed": "5 200", "Hidden": "4 200"}},
	"duplicate-token-names":     {sameName, map[astrosim.Choice]string{"Accept": "200", "Reject": "400"}},
	"updated-at-on-role-change": {updatedAt, map[astrosim.Choice]string{"Moves": "true", "Stays": "false"}},
	"roles-answer": {rolesAnswer, map[astrosim.Choice]string{
		"Full": `{"organizationRole":"ORGANIZATION_MEMBER","workspaceRoles":[{"workspaceId":"ws","role":"WORKSPACE_MEMBER"}],` +
			`"dagRoles":[{"deploymentId":"dep","dagTag":"pii","role":"DAG_VIEWER"}]}`,
		"Empty": `{}`, "Stale": `{"organizationRole":"ORGANIZATION_MEMBER"}`}},
	"role-writers": {writers, map[astrosim.Choice]string{
		"WorkspaceOwner": "[200 200 403]", "DeploymentAdmin": "[200 200 200]", "OrgOwner": "[200 403 403]"}},
	"filtered-list-roles": {filteredRoles, map[astrosim.Choice]string{"Complete": "2", "FilteredOnly": "1"}},
	"workspace-filter":    {filterWorkspace, map[astrosim.Choice]string{"RoleThere": "", "RoleBelow": "ci", "Inherited": "operator ci"}},
	"deployment-filter":   {filterDeployment, map[astrosim.Choice]string{"RoleThere": "dep-ci", "Inherited": "operator ws-ci dep-ci"}},
	"token-filters":       {twoFilters, map[astrosim.Choice]string{"All": "", "Any": "operator ci ws-ci"}},
	"names-filter": {filterNames, map[astrosim.Choice]string{
		"Exact": "data|", "Partial": "data|", "CaseInsensitive": "data|data"}},
	"limit-zero": {limitZero, map[astrosim.Choice]string{"Default": "4 of 4", "Empty": "0 of 4", "Reject": "400"}},
	"default-order": {defaultOrder, map[astrosim.Choice]string{
		"CreatedAsc": "operator ci ws-ci dep-ci a last", "CreatedDesc": "a last *", "ByName": "a last ci dep-ci operator ws-ci", "Shuffled": "many"}},
	"hidden-entity":        {hiddenEntity, map[astrosim.Choice]string{"NotFound": "404 404 404", "Forbidden": "403 403 403"}},
	"foreign-organization": {foreignOrganization, map[astrosim.Choice]string{"Forbidden": "403", "NotFound": "404"}},
	"expired-credential":   {expiredCredential, map[astrosim.Choice]string{"Unauthorized": "401", "Forbidden": "403"}},
	"limit-scope":          {limited, map[astrosim.Choice]string{"PerToken": "[200 200 429 200]", "PerTenant": "[200 200 429 429]"}},
	"limit-window":         {limited, map[astrosim.Choice]string{"Bucket": "[200 200 429 200]", "Sliding": "[200 200 429 200]", "Fixed": "[200 200 429 200]"}},
	"throttle-body": {throttleBody, map[astrosim.Choice]string{
		"Text": `429 "text/plain; charset=utf-8" Too m`, "Empty": `429 "" `, "HTML": `429 "text/html" <html`, "JSON": `429 "application/json; charset=utf-8" {"mes`}},
	"retry-after": {retryAfter, map[astrosim.Choice]string{"Absent": "", "Seconds": "1", "Date": "a date"}},
}
