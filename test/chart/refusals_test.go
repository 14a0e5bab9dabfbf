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
