package chart

import (
	"strings"
	"testing"
)

// TestRefuses: what would not do what it seems to say is refused before anything is installed.
func TestRefuses(t *testing.T) {
	cases := map[string]struct{ reason, set, want string }{
		"Typo":           {"A value that nobody reads is a mistake.", "replicas=2", "replicas"},
		"DeepTypo":       {"Also further down.", "metrics.serviceMonitor.enable=true", "enable"},
		"Type":           {"A word is no number.", "replicaCount=two", "replicaCount"},
		"Digest":         {"A digest is written in full.", "image.digest=sha256:abc", "digest"},
		"Name":           {"A name that no object may have.", "fullnameOverride=My_Operator", "fullnameOverride"},
		"NameOfService":  {"Nor may a Service begin with a digit, on Kubernetes 1.33.", "fullnameOverride=2nd", "fullnameOverride"},
		"Namespace":      {"Nor any namespace: two in one word are a list that was written wrongly.", `watchNamespaces={a\,b}`, "watchNamespaces/0"},
		"Port":           {"The metrics cannot have the port of the probes.", "metrics.port=8081", "the port of the probes"},
		"NoHost":         {"Without a host no credential could be sent anywhere.", "allowedApiHosts={}", "allowedApiHosts"},
		"TwoWriters":     {"Replicas without a lease would all write.", "replicaCount=2,leaderElection.enabled=false", "several replicas"},
		"SharedLease":    {"Two shards with one lease would wait for each other.", "connectionSelector=shard=a", "leaderElection.id"},
		"BlankWatch":     {"A list with nothing behind it would be every namespace.", "watchNamespaces=null", "watchNamespaces has nothing behind it"},
		"BlankSelector":  {"And a selector every connection.", "connectionSelector=null", "connectionSelector has nothing behind it"},
		"Condition":      {"What only a parent chart has.", "enabled=true", "operator.enabled"},
		"Certificate":    {"A certificate for metrics in the clear.", "metrics.certSecret=a,metrics.secure=false", "metrics.certSecret"},
		"TwoBundles":     {"One of them would not count.", "caBundle=-----BEGIN CERTIFICATE-----,caBundleConfigMap.name=a", "caBundleConfigMap.name are both set"},
		"NoBundle":       {"What is no certificate would be trusted by nobody.", "caBundle=hello", "caBundle"},
		"BundleName":     {"A name that no ConfigMap has.", "caBundleConfigMap.name=Bad_Name", "caBundleConfigMap/name"},
		"LeaseName":      {"Nor a lease.", "leaderElection.id=Bad_Name", "leaderElection/id"},
		"Tag":            {"Nor an image.", "image.tag=a b", "image/tag"},
		"AuditNowhere":   {"A file without a volume.", "auditLog.to=/var/log/astro/audit.log", "auditLog.volume is empty"},
		"AuditNoFile":    {"A volume without a file.", "auditLog.volume.emptyDir.sizeLimit=1Gi", "auditLog.to is not a file"},
		"AuditRoot":      {"The volume would be mounted over everything.", "auditLog.to=/audit.log", "auditLog"},
		"AuditOff":       {"It cannot be turned off.", "auditLog.to=off", "auditLog"},
		"NoProxy":        {"A list in one word.", `proxy.noProxy={a\,b}`, "noProxy/0"},
		"FieldOfKind":    {"A field that a kind does not have.", "bindings[0].name=a,bindings[0].spec.tokens=x", "tokens"},
		"FieldMissing":   {"A field that a kind needs.", "connections[0].name=a,connections[0].spec.apiURL=https://api.astronomer.io", "organizationId"},
		"ObjectWithTypo": {"Nor a field beside spec.", "inventories[0].nam=a", "nam"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "template", release, "config/chart", "--set", tc.set)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant an error with %q, got %v and %d bytes of YAML", tc.reason, tc.want, err, len(out))
			}
		})
	}
}

// TestRefusesBlanks: what Kubernetes gets as it is has nothing blank in it, since that would be as if it were left out.
func TestRefusesBlanks(t *testing.T) {
	cases := map[string]struct{ reason, values, want string }{
		"MetricsLabels":      {"A selector without labels is every namespace.", "networkPolicy: {metricsFrom: [{namespaceSelector: {matchLabels: }}]}", "networkPolicy.metricsFrom.0.namespaceSelector.matchLabels has nothing behind it"},
		"MetricsLabel":       {"A label less selects more.", "networkPolicy: {metricsFrom: [{podSelector: {matchLabels: {a: b, c: }}}]}", "podSelector.matchLabels.c has nothing behind it"},
		"MetricsExpressions": {"So does an expression less.", "networkPolicy: {metricsFrom: [{podSelector: {matchExpressions: }}]}", "podSelector.matchExpressions has nothing behind it"},
		"MetricsOperator":    {"Within a list in a list as well.", "networkPolicy: {metricsFrom: [{podSelector: {matchExpressions: [{key: a, operator: In, values: [null]}]}}]}", "matchExpressions.0.values.0 has nothing behind it"},
		"MetricsPeer":        {"One that names nothing.", "networkPolicy: {metricsFrom: [{ipBlock: {cidr: 10.0.0.0/8, except: }}]}", "ipBlock.except has nothing behind it"},
		"EgressPeer":         {"An address less is every address.", "networkPolicy: {egressTo: [{ipBlock: }]}", "networkPolicy.egressTo.0.ipBlock has nothing behind it"},
		"EgressNothing":      {"So is a peer that names nothing.", "networkPolicy: {egressTo: [null]}", "networkPolicy/egressTo/0"},
		"Volume":             {"The audit log would be on an emptyDir, and go with the Pod.", "auditLog: {to: /var/log/astro/audit.log, volume: {persistentVolumeClaim: }}", "auditLog.volume.persistentVolumeClaim has nothing behind it"},
		"Toleration":         {"It would tolerate everything.", "tolerations: [{key: , operator: Exists}]", "tolerations.0.key has nothing behind it"},
		"Affinity":           {"A term without labels is every Pod.", "affinity: {podAntiAffinity: }", "affinity.podAntiAffinity has nothing behind it"},
		"Spread":             {"So it is here.", "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, labelSelector: }]", "topologySpreadConstraints.0.labelSelector has nothing behind it"},
		"Env":                {"Without its proxy it would call Astro itself.", "extraEnv: [{name: HTTPS_PROXY, valueFrom: }]", "extraEnv.0.valueFrom has nothing behind it"},
		"Monitor":            {"It would be checked otherwise than was meant.", "metrics: {serviceMonitor: {tlsConfig: {ca: }}}", "metrics.serviceMonitor.tlsConfig.ca has nothing behind it"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "template", release, "config/chart", "--values", valuesFile(t, tc.values))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant an error with %q, got %v and %d bytes of YAML", tc.reason, tc.want, err, len(out))
			}
		})
	}
}

// TestRefusesObjects: an object in a namespace that nobody meant, or two of one name, of which one would not be there.
func TestRefusesObjects(t *testing.T) {
	const connection = "spec: {organizationId: clp0a1b2c3d4e5f6g7h8i9j0k, credentialsSecretRef: {name: astro-api}}"
	const target = "connectionRef: {name: acme}, target: {kind: Workspace, id: clw0a1b2c3d4e5f6g7h8i9j0k}"
	const binding = "spec: {" + target + ", token: {scope: Organization, name: ci}, role: WORKSPACE_MEMBER}"
	const inventory = "spec: {" + target + "}"
	cases := map[string]struct{ reason, values, want string }{
		"Bindings":           {"The role of one of them would not be given.", "bindings: [{name: a, " + binding + "}, {name: a, " + binding + "}]", "ScopedTokenBinding default/a is in the values twice"},
		"Own":                {"The release's namespace may be written or not.", "bindings: [{name: a, namespace: default, " + binding + "}, {name: a, " + binding + "}]", "ScopedTokenBinding default/a is in the values twice"},
		"Connections":        {"The rules of one would not be there.", "connections: [{name: a, namespace: b, " + connection + "}, {name: a, namespace: b, " + connection + "}]", "AstroConnection b/a is in the values twice"},
		"ClusterConnections": {"Also where there is no namespace.", "clusterConnections: [{name: a, " + connection + "}, {name: a, " + connection + "}]", "ClusterAstroConnection a is in the values twice"},
		"Inventories":        {"And here.", "inventories: [{name: a, " + inventory + "}, {name: a, " + inventory + "}]", "TargetInventory default/a is in the values twice"},
		"NoNamespace":        {"It would be in the release's.", "bindings: [{name: a, namespace: , " + binding + "}]", "the namespace of ScopedTokenBinding a has nothing behind it"},
		"EmptyNamespace":     {"Also in quotes.", "connections: [{name: a, namespace: '', " + connection + "}]", "the namespace of AstroConnection a has nothing behind it"},
		"BlankInventory":     {"And here.", "inventories: [{name: a, namespace: , " + inventory + "}]", "the namespace of TargetInventory a has nothing behind it"},
		"BlankKind":          {"An AstroConnection of that name may allow everything.", "bindings: [{name: a, " + strings.Replace(binding, "{name: acme}", "{kind: , name: acme}", 1) + "}]", "/bindings/0/spec/connectionRef/kind"},
		"Apart":              {"Another kind or another namespace is another object.", "bindings: [{name: a, " + binding + "}, {name: a, namespace: b, " + binding + "}]\ninventories: [{name: a, " + inventory + "}]", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := helm(t, "template", release, "config/chart", "--namespace", "default", "--values", valuesFile(t, tc.values))
			if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant an error with %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
