// Package pin answers, from one binding alone, which token and target it stands for: the ids it declares, the claim it
// holds, or what its status has pinned. The annotation that carries a held claim may have been edited, so a claim is
// given out only where nothing else on the object speaks against it. It is pure and knows api/v1alpha1 only.
package pin
