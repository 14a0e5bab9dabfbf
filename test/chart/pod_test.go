package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// podOf is the Pod that the chart makes with values.
func podOf(t *testing.T, flags ...string) corev1.PodSpec {
	t.Helper()
	objects := of(render(t, flags...), "Deployment")
	accepted(t, objects)
	return as[appsv1.Deployment](t, objects[0]).Spec.Template.Spec
}

// TestProxy: whoever names a proxy reaches Astro through it, and the API server without it.
func TestProxy(t *testing.T) {
	inNamespaces(t, system)
	const proxy, direct = "HTTPS_PROXY=http://proxy:3128", "NO_PROXY=$(KUBERNETES_SERVICE_HOST)"
	cases := map[string]struct {
		reason string
		flags  []string
		want   []string
	}{
		"None":   {"Without a proxy there is nothing to say.", nil, nil},
		"Proxy":  {"The API server's address is added.", []string{"--set", "proxy.httpsProxy=http://proxy:3128"}, []string{proxy, direct}},
		"More":   {"What else is reached without it.", []string{"--set", `proxy.httpsProxy=http://proxy:3128,proxy.noProxy={.example.com,10.0.0.0/8}`}, []string{proxy, direct + ",.example.com,10.0.0.0/8"}},
		"Extra":  {"A proxy that only extraEnv knows, such as one with a password.", []string{"--set", "extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy:3128"}, []string{direct, proxy}},
		"Lower":  {"Go reads small letters too.", []string{"--set", "extraEnv[0].name=https_proxy,extraEnv[0].value=x"}, []string{direct, "https_proxy=x"}},
		"Own":    {"Who has a NO_PROXY knows why. A name that is there twice would be refused.", []string{"--set", "proxy.httpsProxy=http://proxy:3128,extraEnv[0].name=NO_PROXY,extraEnv[0].value=x"}, []string{proxy, "NO_PROXY=x"}},
		"Small":  {"Likewise, since one of the two would count.", []string{"--set", "proxy.httpsProxy=http://proxy:3128,extraEnv[0].name=no_proxy,extraEnv[0].value=x"}, []string{proxy, "no_proxy=x"}},
		"Memory": {"Any other of the chart's own.", []string{"--set", "goMemLimit=1GiB,caBundle=-----BEGIN CERTIFICATE-----,extraEnv[0].name=GOMEMLIMIT,extraEnv[0].value=x,extraEnv[1].name=SSL_CERT_DIR,extraEnv[1].value=x"}, []string{"GOMEMLIMIT=x", "SSL_CERT_DIR=x"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, v := range podOf(t, tc.flags...).Containers[0].Env {
				if v.Name != "POD_NAMESPACE" {
					got = append(got, v.Name+"="+v.Value)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

// TestMetricsCertificate: the Secret's certificate is where the manager is told to look.
func TestMetricsCertificate(t *testing.T) {
	inNamespaces(t, system)
	flags := []string{"--set", "metrics.certSecret=metrics-tls,metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.tlsConfig.serverName=metrics.example.com"}
	objects := render(t, flags...)
	pod := podOf(t, flags...)
	var folder string
	for _, argument := range pod.Containers[0].Args {
		if found, ok := strings.CutPrefix(argument, "--metrics-cert-dir="); ok {
			folder = found
		}
	}
	mounts := pod.Containers[0].VolumeMounts
	if len(mounts) != 1 || mounts[0].MountPath != folder || pod.Volumes[0].Name != mounts[0].Name || pod.Volumes[0].Secret.SecretName != "metrics-tls" {
		t.Errorf("the manager looks in %q; mounted are %v of %v", folder, mounts, pod.Volumes)
	}
	if monitor := text(t, of(objects, "ServiceMonitor")); !strings.Contains(monitor, "serverName: metrics.example.com") || strings.Contains(monitor, "insecure") {
		t.Errorf("Prometheus does not check the certificate:\n%s", monitor)
	}
	both := podOf(t, "--set", "metrics.certSecret=metrics-tls,caBundleConfigMap.name=proxy")
	if len(both.Volumes) != 2 || len(both.Containers[0].VolumeMounts) != 2 {
		t.Errorf("with authorities as well, want two volumes, got %v", both.Volumes)
	}
}

// TestNoUser: OpenShift chooses a user for each namespace, and makes no Pod that names another one.
func TestNoUser(t *testing.T) {
	for what, objects := range map[string][]object{"the chart": render(t), "config/default": kustomize(t, "config/default")} {
		pod := as[appsv1.Deployment](t, of(objects, "Deployment")[0]).Spec.Template.Spec
		ids := []*int64{pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FSGroup}
		container := pod.Containers[0].SecurityContext
		for _, id := range append(ids, container.RunAsUser, container.RunAsGroup) {
			if id != nil {
				t.Errorf("%s names user or group %d", what, *id)
			}
		}
		if is := pod.SecurityContext.RunAsNonRoot; is == nil || !*is {
			t.Errorf("%s does not keep the user from being root", what)
		}
	}
}
