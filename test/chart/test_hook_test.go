package chart

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// tested is what the objects of `helm test` are called.
const tested = release + "-test-ready"

// TestHelmTest: `helm test` passes where the operator is ready and leaves nothing; where it is not, the Pod stays for its log.
func TestHelmTest(t *testing.T) {
	const namespace = "operator-tested"
	o := installed(t, namespace, newAstro(t), `networkPolicy.enabled=true,podLabels.app\.kubernetes\.io/instance=mine`)
	cases := map[string]struct {
		reason string
		run    func(context.Context, *corev1.Pod) error
		left   string
	}{
		"Ready": {"The Pod's own command is answered by the operator.", o.tested, ""},
		"Not":   {"A Pod that fails.", func(context.Context, *corev1.Pod) error { return errors.New("not ready") }, "pod/" + tested},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ran := make(chan error, 1)
			go func() { ran <- kubelet(ctx, client.ObjectKey{Namespace: namespace, Name: tested}, tc.run) }()
			_, err := helm(t, "test", release, "--namespace", namespace, "--timeout", "50s")
			told := <-ran
			if passes := tc.left == ""; passes != (err == nil) || passes != (told == nil) {
				t.Errorf("%s helm says: %v; the Pod: %v", tc.reason, err, told)
			}
			left := kubectl(t, "get", "pod,service,networkpolicy", "-n", namespace, "-l", "app.kubernetes.io/component=test", "-o", "name")
			if strings.TrimSpace(left) != tc.left {
				t.Errorf("%s want %q to be left, got %q", tc.reason, tc.left, left)
			}
			kubectl(t, "delete", "pod", tested, "-n", namespace, "--ignore-not-found", "--force")
		})
	}
}

// kubelet runs the Pod when it is there, and says in its status how it ended: there is no node here.
func kubelet(ctx context.Context, key client.ObjectKey, run func(context.Context, *corev1.Pod) error) error {
	pod := &corev1.Pod{}
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := kube.Get(ctx, key, pod)
		return err == nil, client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	failed := run(ctx, pod)
	pod.Status.Phase = corev1.PodSucceeded
	if failed != nil {
		pod.Status.Phase = corev1.PodFailed
	}
	return errors.Join(failed, kube.Status().Update(ctx, pod))
}

// tested runs the Pod's command, with the operator's address in the place of the Service that leads to it.
func (o *operator) tested(ctx context.Context, pod *corev1.Pod) error {
	if err := o.leadsTo(ctx, pod); err != nil {
		return err
	}
	path, err := manager()
	if err != nil {
		return err
	}
	var args []string
	for _, arg := range pod.Spec.Containers[0].Args {
		args = append(args, strings.Replace(arg, fmt.Sprintf("%s.%s.svc:8081", tested, pod.Namespace), o.probes, 1))
	}
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "ready: http://"+o.probes) {
		return fmt.Errorf("manager %v: %w: %s", args, err, out)
	}
	return nil
}

// leadsTo says what keeps the Pod from the probes of the Deployment: a Service, or a NetworkPolicy.
func (o *operator) leadsTo(ctx context.Context, pod *corev1.Pod) error {
	var d appsv1.Deployment
	var s corev1.Service
	var n networkingv1.NetworkPolicy
	key := client.ObjectKeyFromObject(pod)
	if err := errors.Join(kube.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: release + "-controller-manager"}, &d),
		kube.Get(ctx, key, &s), kube.Get(ctx, key, &n)); err != nil {
		return err
	}
	replicas, port := labels.Set(d.Spec.Template.Labels), s.Spec.Ports[0]
	into := n.Spec.Ingress[0]
	ports := map[string]int32{}
	for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
		ports[p.Name] = p.ContainerPort
	}
	switch {
	case !labels.SelectorFromSet(s.Spec.Selector).Matches(replicas) || labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(pod.Labels)):
		return fmt.Errorf("the Service leads to %v, not to %v alone", s.Spec.Selector, replicas)
	case port.Port != 8081 || ports[port.TargetPort.StrVal] != 8081:
		return fmt.Errorf("the Service leads from %d to %s, of %v", port.Port, port.TargetPort.String(), ports)
	case !labels.SelectorFromSet(n.Spec.PodSelector.MatchLabels).Matches(replicas):
		return fmt.Errorf("the NetworkPolicy is about %v, not about %v", n.Spec.PodSelector.MatchLabels, replicas)
	case !labels.SelectorFromSet(into.From[0].PodSelector.MatchLabels).Matches(labels.Set(pod.Labels)) || into.Ports[0].Port.IntVal != 8081:
		return fmt.Errorf("the NetworkPolicy lets in %v, not %v", into, pod.Labels)
	}
	return nil
}
