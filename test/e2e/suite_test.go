package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// What takes longer than patience will never come: a crashed leader's lease runs out after 15 s, and machines differ.
const patience = 90 * time.Second

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(patience)
	SetDefaultEventuallyPollingInterval(250 * time.Millisecond)
	log.SetLogger(GinkgoLogr)
	RunSpecs(t, "End to end")
}
