package astrosim

// deploymentWire has every field of Astro's Deployment that one usually comes with.
type deploymentWire struct {
	entityWire
	OrganizationID           string                `json:"organizationId"`
	WorkspaceID              string                `json:"workspaceId"`
	WorkspaceName            string                `json:"workspaceName"`
	Status                   string                `json:"status"`
	StatusReason             string                `json:"statusReason"`
	Namespace                string                `json:"namespace"`
	Type                     string                `json:"type"`
	CloudProvider            string                `json:"cloudProvider"`
	Region                   string                `json:"region"`
	ClusterID                string                `json:"clusterId"`
	ClusterName              string                `json:"clusterName"`
	AirflowVersion           string                `json:"airflowVersion"`
	AstroRuntimeVersion      string                `json:"astroRuntimeVersion"`
	RuntimeVersion           string                `json:"runtimeVersion"`
	Executor                 string                `json:"executor"`
	APIURL                   string                `json:"apiUrl"`
	UIURL                    string                `json:"uiUrl"`
	WebServerURL             string                `json:"webServerUrl"`
	WebServerAirflowAPIURL   string                `json:"webServerAirflowApiUrl"`
	WebServerIngressHostname string                `json:"webServerIngressHostname"`
	WebServerCPU             string                `json:"webServerCpu"`
	WebServerMemory          string                `json:"webServerMemory"`
	WebServerReplicas        int                   `json:"webServerReplicas"`
	SchedulerCPU             string                `json:"schedulerCpu"`
	SchedulerMemory          string                `json:"schedulerMemory"`
	SchedulerReplicas        int                   `json:"schedulerReplicas"`
	SchedulerSize            string                `json:"schedulerSize"`
	SchedulerAu              int                   `json:"schedulerAu"`
	ImageRepository          string                `json:"imageRepository"`
	ImageTag                 string                `json:"imageTag"`
	ImageVersion             string                `json:"imageVersion"`
	DagTarballVersion        string                `json:"dagTarballVersion"`
	DesiredDagTarballVersion string                `json:"desiredDagTarballVersion"`
	IsCicdEnforced           bool                  `json:"isCicdEnforced"`
	IsDagDeployEnabled       bool                  `json:"isDagDeployEnabled"`
	IsDevelopmentMode        bool                  `json:"isDevelopmentMode"`
	IsHighAvailability       bool                  `json:"isHighAvailability"`
	DefaultTaskPodCPU        string                `json:"defaultTaskPodCpu"`
	DefaultTaskPodMemory     string                `json:"defaultTaskPodMemory"`
	ResourceQuotaCPU         string                `json:"resourceQuotaCpu"`
	ResourceQuotaMemory      string                `json:"resourceQuotaMemory"`
	TaskPodNodePoolID        string                `json:"taskPodNodePoolId"`
	EffectiveIdentity        string                `json:"effectiveWorkloadIdentity"`
	EffectiveDRIdentity      string                `json:"effectiveDRWorkloadIdentity"`
	OidcIssuerURL            string                `json:"oidcIssuerUrl"`
	DrOidcIssuerURL          string                `json:"drOidcIssuerUrl"`
	ExternalIPs              []string              `json:"externalIPs"`
	DrExternalIPs            []string              `json:"drExternalIPs"`
	ContactEmails            []string              `json:"contactEmails"`
	EnvironmentVariables     []environmentVariable `json:"environmentVariables"`
	WorkerQueues             []workerQueue         `json:"workerQueues"`
	RemoteExecution          remoteExecution       `json:"remoteExecution"`
	ScalingSpec              scaling               `json:"scalingSpec"`
	ScalingStatus            scaling               `json:"scalingStatus"`
}

type workerQueue struct {
	ID                  string `json:"id"`
	Name                string `json:"name"`
	IsDefault           bool   `json:"isDefault"`
	AstroMachine        string `json:"astroMachine"`
	MinWorkerCount      int    `json:"minWorkerCount"`
	MaxWorkerCount      int    `json:"maxWorkerCount"`
	WorkerConcurrency   int    `json:"workerConcurrency"`
	PodCPU              string `json:"podCpu"`
	PodMemory           string `json:"podMemory"`
	PodEphemeralStorage string `json:"podEphemeralStorage"`
}

type remoteExecution struct {
	Enabled  bool     `json:"enabled"`
	APIURL   string   `json:"remoteApiUrl"`
	IPRanges []string `json:"allowedIpAddressRanges"`
}

type scaling struct {
	Hibernation *hibernation `json:"hibernationStatus,omitempty"`
}

type hibernation struct {
	IsHibernating bool `json:"isHibernating"`
}

func (d *deployment) encode() []byte {
	host := d.id + ".astronomer.run"
	identity := "arn:aws:iam::123456789012:role/AirflowS3Logs-" + d.id
	issuer := "https://oidc.eks.us-east-1.amazonaws.com/id/" + d.workspace.org.id
	return mustMarshal(deploymentWire{
		entityWire: d.wire(), OrganizationID: d.workspace.org.id, WorkspaceID: d.workspace.id, WorkspaceName: d.workspace.name,
		Status: d.status, StatusReason: "", Namespace: "ns-" + d.id, Type: clusterType, CloudProvider: clusterCloud, Region: clusterRegion,
		ClusterID: d.workspace.org.id, ClusterName: clusterName, AirflowVersion: "3.1.3", AstroRuntimeVersion: "3.1-5", RuntimeVersion: "3.1-5",
		Executor: "CELERY", APIURL: host + "/api", UIURL: "https://" + host, WebServerURL: host, WebServerAirflowAPIURL: host + "/api/v2",
		WebServerIngressHostname: host, WebServerCPU: "1", WebServerMemory: "2Gi", WebServerReplicas: 1, SchedulerCPU: "1", SchedulerMemory: "2Gi",
		SchedulerReplicas: 1, SchedulerSize: "SMALL", ImageRepository: "images.astronomer.cloud/" + d.workspace.org.id + "/" + d.id,
		ImageTag: "deploy-2026-01-01T00-00", ImageVersion: "2026-01-01T00:00:00.000Z", DagTarballVersion: "2026-01-01T00:00:00.0000000Z",
		DesiredDagTarballVersion: "2026-01-01T00:00:00.0000000Z", IsDagDeployEnabled: true, DefaultTaskPodCPU: "0.25", DefaultTaskPodMemory: "0.5Gi",
		ResourceQuotaCPU: "10", ResourceQuotaMemory: "20Gi", TaskPodNodePoolID: d.workspace.id, EffectiveIdentity: identity, EffectiveDRIdentity: "",
		OidcIssuerURL: issuer, DrOidcIssuerURL: "", ExternalIPs: []string{"203.0.113.10", "203.0.113.11"}, DrExternalIPs: []string{},
		ContactEmails: []string{"data-platform@example.com"}, EnvironmentVariables: d.environment(),
		WorkerQueues:    []workerQueue{{d.id, "default", true, "A5", 0, 10, 5, "1", "2Gi", "10Gi"}},
		RemoteExecution: remoteExecution{IPRanges: []string{}}, ScalingStatus: scaling{&hibernation{d.status == "HIBERNATING"}},
	})
}
