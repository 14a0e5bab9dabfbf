// Program controlplane runs an API server for the demo until it is told to stop. It is what the tests start, without
// the operator's kinds, which the demo installs as a user would. It writes two kubeconfigs: an administrator's, and the
// operator's, with the rights of its service account.
package main
