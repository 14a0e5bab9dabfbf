// Package pin answers, from one binding alone, which token and target it stands for, and which claim it holds. Only its
// spec and its status are asked: what else a user may write on the object, such as annotations and finalizers, says
// nothing. It is pure and knows api/v1alpha1 only.
package pin
