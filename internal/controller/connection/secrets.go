package connection

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// watchSecrets starts with the manager to watch the Secrets of some namespaces, or of all. The watch has a cache of its
// own, for which nobody waits: where the operator may not watch, because a namespace went and took its RoleBinding along,
// or because the RoleBinding is yet to come, everything else goes on. The credentials of such a namespace are read when
// their connection is looked at, and the watch begins once it is allowed.
func watchSecrets(mgr ctrl.Manager, namespaces []string) (cache.Informer, error) {
	secrets, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
		DefaultNamespaces: inEach(namespaces), DefaultTransform: stripToName,
	})
	if err != nil {
		return nil, fmt.Errorf("make a cache for the metadata of Secrets: %w", err)
	}
	if err := mgr.Add(secrets); err != nil {
		return nil, fmt.Errorf("add the cache for the metadata of Secrets: %w", err)
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	informer, err := secrets.GetInformer(context.Background(), metadata, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch Secrets: %w", err)
	}
	return informer, nil
}

// inEach is the cache of each namespace, nil for that of all.
func inEach(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := map[string]cache.Config{}
	for _, n := range namespaces {
		configs[n] = cache.Config{}
	}
	return configs
}

// stripToName keeps of a Secret which one it is and that it changed, and above all not the copy of its content that
// kubectl leaves in an annotation.
func stripToName(object any) (any, error) {
	if s, ok := object.(*metav1.PartialObjectMetadata); ok {
		s.ObjectMeta = metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, UID: s.UID, ResourceVersion: s.ResourceVersion}
	}
	return object, nil
}
