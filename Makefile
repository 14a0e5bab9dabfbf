# `make` alone lists what there is. Go, make, git and bash are all a machine needs: every tool is built from a pinned
# module in hack/, into bin/ or Go's build cache, and works offline once its modules are there.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# What this tree becomes when it is released; the chart and the release notes say the same.
VERSION ?= v0.1.0
IMG ?= scopedtoken-operator:latest
PLATFORMS ?= linux/amd64,linux/arm64
OUT ?= bin/image.tar
# A file for the image's bill of materials, if one is wanted.
BOM ?=
# The commit that the image says it was made of.
REVISION ?= $(shell git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null)
# The image of a release has the release's version for its tag.
RELEASE_IMG ?= scopedtoken-operator:$(VERSION)
# Where kube-apiserver, etcd, kube-controller-manager and kubectl are: KUBEBUILDER_ASSETS if that is set.
ASSETS := $(or $(KUBEBUILDER_ASSETS),$(CURDIR)/bin/k8s)
KUBECTL ?= $(or $(shell command -v kubectl),$(ASSETS)/kubectl)
GO_TOOL := go tool -modfile=hack/tools/go.mod
GO_CHECK := go tool -modfile=hack/tools/check/go.mod
GOLANGCI_LINT := bin/golangci-lint
HELM := bin/helm
PROMTOOL := bin/promtool
COSIGN := bin/cosign
# Says while a command runs for how long it has.
PROGRESS := $(CURDIR)/hack/progress.sh

# Flags for `go test`, such as TEST_ARGS='-run TestPlan -v'.
TEST_ARGS ?=
# Flags for the stories, such as STORY_ARGS='--focus=renamed -v'.
STORY_ARGS ?=
# The packages whose tests are run package beside package: most of their time they wait. The stories run side by side
# themselves, those of e2e need a cluster, and those of the explorer use every core, where the race detector has nothing to see.
PACKAGES = $(shell go list $(LONGEST) ./... 2>/dev/null | grep -v -e /test/stories -e /test/e2e -e /test/explore)
# Those that take minutes begin first, so that none is left to run alone.
LONGEST := ./test/docs ./test/chart ./test/apirules ./internal/controller/connection
GINKGO := go run github.com/onsi/ginkgo/v2/ginkgo

# The packages with fuzz tests, and for how long each test runs.
FUZZ := ./internal/astro ./internal/roleset
FUZZTIME ?= 30s
# Every Go module of the repository.
MODULES = $(patsubst %/,%,$(dir $(shell git ls-files go.mod '*/go.mod')))
# What licences the programs of a release may be linked from.
LICENSES := Apache-2.0,MIT,BSD-2-Clause,BSD-3-Clause,ISC

##@ General

.PHONY: help
help: ## List the targets.
	@awk 'BEGIN { FS = ":.*## "; printf "make TARGET [NAME=VALUE ...]\n" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/manager, bin/astrosim and bin/kubectl-stb.
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

# The program that makes images, run where its module is.
IMAGE = cd hack/image && go run . -root=$(CURDIR) -name='$(IMG)' -version=$(VERSION) -revision='$(REVISION)'

.PHONY: image
image: ## Make OUT (bin/image.tar), an OCI archive of the image IMG for PLATFORMS, without a container engine: `ctr images import` and `kind load image-archive` take it.
	@mkdir -p '$(dir $(OUT))'
	@$(IMAGE) -platforms='$(PLATFORMS)' -out='$(abspath $(OUT))' $(if $(BOM),-bom='$(abspath $(BOM))')

.PHONY: push
push: ## Make the image IMG for PLATFORMS and push it to the registry that its name tells, with the credentials of `docker login`.
	@$(IMAGE) -platforms='$(PLATFORMS)' -push

.PHONY: release
release: $(HELM) ## Make dist/, what a release consists of: chart, image archive, kubectl-stb for krew, install.yaml, CRDs, bill of materials, notes, checksums. AGAIN=1 makes it twice and compares.
	@VERSION='$(VERSION)' IMG='$(RELEASE_IMG)' REVISION='$(REVISION)' hack/release/release.sh dist
	@$(if $(AGAIN),VERSION='$(VERSION)' IMG='$(RELEASE_IMG)' REVISION='$(REVISION)' hack/release/reproduce.sh dist)

# The release index that programs of the control plane are downloaded from: setup-envtest's if empty, `none` for none.
export ENVTEST_INDEX ?=

# Where a release is published, by the workflow for tags.
REGISTRY ?= ghcr.io/scopedtoken

.PHONY: release-publish
release-publish: $(HELM) $(COSIGN) ## Make the release of TAG twice, push its image and chart to REGISTRY, sign them and attest how they were made; the workflow for tags runs it.
	@[[ '$(TAG)' == '$(VERSION)' ]] || { echo "TAG is '$(TAG)', and this tree becomes $(VERSION)"; exit 1; }
	@$(MAKE) --no-print-directory release AGAIN=1 RELEASE_IMG='$(REGISTRY)/scopedtoken-operator:$(VERSION)'
	@VERSION='$(VERSION)' IMG='$(REGISTRY)/scopedtoken-operator:$(VERSION)' REVISION='$(REVISION)' CHARTS='oci://$(REGISTRY)/charts' \
	  COSIGN='$(COSIGN)' hack/release/publish.sh dist

.PHONY: controlplane
controlplane: ## Put a Kubernetes control plane into bin/k8s: downloaded where ENVTEST_INDEX can be reached, else built, about six minutes once; not if KUBEBUILDER_ASSETS is set.
	@hack/controlplane/build.sh bin/k8s

# What everything needs but the test of the documents, which wants a controller manager too.
.PHONY: apiserver
apiserver:
	@hack/controlplane/build.sh bin/k8s etcd kube-apiserver kubectl

.PHONY: kubectl
kubectl:
	@hack/controlplane/build.sh bin/k8s kubectl

.PHONY: demo
demo: apiserver build ## Show the operator at work against the simulated Astro; KEEP=1 leaves everything running.
	KUBEBUILDER_ASSETS='$(ASSETS)' hack/demo/run.sh

##@ Checks

.PHONY: test
test: test-packages test-stories ## Run every test against a real control plane, with the race detector; TEST_ARGS are for `go test`. With -j2 the stories run beside the others.

.PHONY: test-packages
test-packages: controlplane $(HELM) alerts
	for module in hack/image hack/tools; do (cd $$module && go test $(TEST_ARGS) ./...); done
	KUBEBUILDER_ASSETS='$(ASSETS)' go test -race -p=4 -timeout 20m $(TEST_ARGS) $(PACKAGES)
	go test $(TEST_ARGS) ./test/explore

.PHONY: test-stories
test-stories: controlplane
	@$(FORGET_STATES)
	KUBEBUILDER_ASSETS='$(ASSETS)' $(RECORD_STATES) $(GINKGO) -race -procs=4 -timeout=30m --no-color $(STORY_ARGS) ./test/stories

# Every state that the stories see an object in, and every call to the simulated Astro, unless only some of them run.
STATES := $(CURDIR)/bin/states
EXCHANGES := $(CURDIR)/bin/exchanges
FORGET_STATES = $(if $(STORY_ARGS),true,rm -rf $(STATES) $(EXCHANGES)/stories && mkdir -p $(STATES))
RECORD_STATES = $(if $(STORY_ARGS),,STORY_RECORD='$(STATES)' ASTROSIM_RECORD='$(EXCHANGES)/stories')

.PHONY: states
states: apiserver ## Run the stories and keep every state that they see an object in, for `make gitops`, and every call, for `make contract`; `make test` does so too.
	@$(FORGET_STATES)
	KUBEBUILDER_ASSETS='$(ASSETS)' $(RECORD_STATES) $(GINKGO) -procs=4 -timeout=20m --no-color ./test/stories

# The OpenAPI document of Astro's v1 API, which is not part of this repository; and, where no run of all stories has left
# its calls, the stories to run for them.
SPEC ?= ../shared/astro-openapi-v1-cut.yml
CONTRACT_STORIES ?= Granting|The promises|Drift

.PHONY: contract
contract: ## Hold every answer of the simulated Astro and every request of the operator in tests and stories against Astro's OpenAPI document; SPEC is its file.
	@[[ -f '$(SPEC)' ]] || { echo "SPEC='$(SPEC)' is not a file. It names the OpenAPI document of Astro's v1 API, which you can fetch:"; \
	  echo "  curl -o astro.yaml https://api.astronomer.io/spec/v1 && make contract SPEC=astro.yaml"; exit 1; }
	cd test/contract && go test $(TEST_ARGS) ./...
	@rm -rf $(EXCHANGES)/packages
	ASTROSIM_RECORD='$(EXCHANGES)/packages' go test -count=1 ./internal/astrosim ./internal/astro
	@[[ -n "$$(ls $(EXCHANGES)/stories 2>/dev/null)" ]] || $(MAKE) --no-print-directory contract-stories
	cd test/contract && go run . -spec='$(abspath $(SPEC))' -exchanges='$(EXCHANGES)'

.PHONY: contract-stories
contract-stories: apiserver
	KUBEBUILDER_ASSETS='$(ASSETS)' ASTROSIM_RECORD='$(EXCHANGES)/stories' $(GINKGO) -procs=4 -timeout=20m --no-color --focus='$(CONTRACT_STORIES)' ./test/stories

# The pages that a browser is to look at, as the tests of kubectl-stb and of the dashboard's drawing make them.
PAGES := $(CURDIR)/bin/pages

.PHONY: browser
browser: apiserver ## Look at the page of `kubectl stb matrix --html` and at the dashboard in a headless Chromium, which has to be there; UPDATE=1 makes the picture of the page in the docs anew.
	@rm -rf $(PAGES) && mkdir -p $(PAGES)
	KUBEBUILDER_ASSETS='$(ASSETS)' STB_PAGES='$(PAGES)' go test -count=1 -run '^(TestMatrix|TestPage)' ./internal/stb
	cd test/monitoring && STB_PAGES='$(PAGES)' go test -count=1 ./...
	cd test/browser && STB_PAGES='$(PAGES)' go test -count=1 -v -timeout 10m ./...
	$(if $(UPDATE),cd test/browser && STB_PAGES='$(PAGES)' BROWSER_PICTURE='$(CURDIR)/docs/matrix.png' go test -count=1 -run TestPicture ./...)

# What `make soak` saw each minute of the operator's time, for the picture of the dashboard.
SCRAPES := $(CURDIR)/bin/scrapes

.PHONY: dashboard
dashboard: apiserver ## Draw the dashboard with what an hour of `make soak` measures, and make its picture in the docs anew; needs a Chromium.
	@rm -rf $(SCRAPES) && mkdir -p $(SCRAPES) $(PAGES)
	KUBEBUILDER_ASSETS='$(ASSETS)' go run ./test/soak -scrapes '$(SCRAPES)' $(SOAK_ARGS)
	cd test/monitoring && go run ./draw -scrapes '$(SCRAPES)' -dashboard '$(CURDIR)/config/grafana/dashboard.json' -out '$(PAGES)/dashboard.html'
	cd test/browser && STB_PAGES='$(PAGES)' BROWSER_PICTURE='$(CURDIR)/docs/dashboard.png' go test -count=1 -run TestDashboard ./...

.PHONY: alerts
alerts: $(PROMTOOL) ## Have promtool check the alerts, and look that each fires when it has to and not otherwise.
	$(PROMTOOL) check rules --lint=all --lint-fatal config/chart/files/alerts.yaml
	$(PROMTOOL) test rules test/monitoring/alerts_promtool.yaml

.PHONY: gitops
gitops: apiserver ## Ask kstatus and Argo CD's engines what they make of every state and example; GITOPS_ARGS are for `go test`, UPDATE=1 makes config/argocd anew.
	@[[ -n "$$(ls $(STATES) 2>/dev/null)" ]] || $(MAKE) --no-print-directory states
	cd test/gitops && STATES='$(STATES)' KUBEBUILDER_ASSETS='$(ASSETS)' UPDATE='$(UPDATE)' go test -count=1 -timeout 10m $(GITOPS_ARGS) ./health ./drift

.PHONY: gitops-flux
gitops-flux: apiserver $(HELM) ## Run Flux's own controllers with the examples of config/samples/flux and docs/examples; builds them, minutes the first time.
	@mkdir -p bin/gitops
	go build -o bin/gitops/ ./cmd/manager ./cmd/astrosim
	@cd test/gitops/flux && for name in kustomize helm; do \
	  $(PROGRESS) "building Flux's $$name-controller, minutes the first time" go build -o $(CURDIR)/bin/gitops/ github.com/fluxcd/$$name-controller; done
	cd test/gitops/flux && KUBEBUILDER_ASSETS='$(ASSETS)' go test -count=1 -timeout 15m $(GITOPS_ARGS) ./...

.PHONY: gitops-argocd
gitops-argocd: apiserver $(HELM) ## Run Argo CD's own controllers with the examples of config/samples/argocd; builds them, half an hour the first time, then two minutes. Needs redis-server.
	@command -v redis-server >/dev/null || { echo "redis-server is not installed: Argo CD keeps its cache there"; exit 1; }
	@mkdir -p bin/gitops
	go build -o bin/gitops/ ./cmd/manager ./cmd/astrosim
	go build -modfile=hack/tools/go.mod -o bin/gitops/ sigs.k8s.io/kustomize/kustomize/v5
	@cd test/gitops/argocd && $(PROGRESS) 'building Argo CD, half an hour the first time' go build -o $(CURDIR)/bin/gitops/argocd github.com/argoproj/argo-cd/v3/cmd
	cd test/gitops/argocd && KUBEBUILDER_ASSETS='$(ASSETS)' go test -count=1 -timeout 15m -exec $(CURDIR)/test/gitops/argocd/alone.sh $(GITOPS_ARGS) ./...

# What make e2e installs: this tree's image and chart, and the same with a lower version, from which it is upgraded.
E2E := $(CURDIR)/bin/e2e
E2E_REPOSITORY ?= localhost/scopedtoken-operator
# Flags for the test, such as E2E_ARGS='-ginkgo.v'.
E2E_ARGS ?=

.PHONY: e2e
e2e: $(HELM) $(if $(shell command -v kubectl),,kubectl) ## Install the image with Helm on the cluster of KUBECONFIG, which has to be without the operator, and see it through its life; E2E_LOAD is the command that loads an image archive, as in E2E_LOAD='kind load image-archive'.
	@: $(or $(KUBECONFIG),$(error KUBECONFIG is not set: the cluster to install on)) \
	  '$(or $(E2E_LOAD),$(error E2E_LOAD is not set: the command that loads an image archive onto the nodes))'
	@mkdir -p $(E2E)
	@$(MAKE) --no-print-directory image IMG=$(E2E_REPOSITORY):$(VERSION) OUT=$(E2E)/image.tar
	@$(MAKE) --no-print-directory image IMG=$(E2E_REPOSITORY):v0.0.9 VERSION=v0.0.9 OUT=$(E2E)/previous.tar PLATFORMS=linux/$$(go env GOARCH)
	@$(HELM) package config/chart --version $(VERSION:v%=%) --app-version $(VERSION) --destination $(E2E)
	@$(HELM) package config/chart --version 0.0.9 --app-version v0.0.9 --destination $(E2E)
	HELM=$(CURDIR)/$(HELM) KUBECTL='$(KUBECTL)' E2E_LOAD='$(E2E_LOAD)' E2E_REPOSITORY='$(E2E_REPOSITORY)' \
	  E2E_ARCHIVES='$(E2E)/image.tar $(E2E)/previous.tar' E2E_CHART=$(E2E)/scopedtoken-operator-$(VERSION:v%=%).tgz E2E_TAG=$(VERSION) \
	  E2E_PREVIOUS_CHART=$(E2E)/scopedtoken-operator-0.0.9.tgz E2E_PREVIOUS_TAG=v0.0.9 \
	  go test -count=1 -timeout 30m -v ./test/e2e -args $(E2E_ARGS)

# The stories that touch everything that an API server could do otherwise: schemas, CEL, field selectors, finalizers, leases.
OLDEST_STORIES := Granting|The promises|A ClusterAstroConnection|A namespace that is deleted|Drift|Two replicas of the operator|The kinds, deleted|The annotation

.PHONY: oldest
oldest: apiserver ## Test against the oldest Kubernetes that is supported (docs/compatibility.md); its kube-apiserver takes six minutes to build, once.
	@hack/controlplane/oldest/build.sh bin/k8s-oldest '$(ASSETS)'
	KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s-oldest go test -count=1 -timeout 10m $(TEST_ARGS) ./test/apirules ./cmd/manager ./test/environment
	KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s-oldest $(GINKGO) -procs=4 -timeout=15m --no-color --focus='$(OLDEST_STORIES)' $(STORY_ARGS) ./test/stories

.PHONY: fuzz
fuzz: ## Look for inputs that break the reading of Astro's answers or the planner, FUZZTIME (30s) for each test; what it finds is kept in testdata/fuzz.
	@for package in $(FUZZ); do for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	  echo "fuzzing $$name of $$package"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) $$package; done; done

.PHONY: verify
verify: ## Regenerate, check formatting, lint and modules; fail if a generated file changes.
	@hack/verify.sh

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what the programs of this repository call; asks Go's vulnerability database.
	@for module in . hack/image hack/tools; do echo "govulncheck in $$module"; \
	  $(GO_CHECK) govulncheck -C $$module ./...; done

.PHONY: licenses
licenses: ## Check that everything the programs of a release are linked from has one of LICENSES.
	@$(GO_CHECK) go-licenses check ./cmd/... --allowed_licenses='$(LICENSES)' 2>&1 | grep -v 'contains non-Go code\|^/.*\.s$$' || [[ $${PIPESTATUS[0]} == 0 ]]
	@echo 'licenses: all are of $(LICENSES)'

.PHONY: chart-lint
chart-lint: $(HELM) ## Lint the chart with Helm and chart-testing, and with yamllint where that is installed.
	@$(HELM) lint --strict --quiet config/chart
	@PATH='$(CURDIR)/bin':"$$PATH" go tool -modfile=hack/tools/ct/go.mod ct lint --config=hack/tools/ct/ct.yaml \
	  $$(command -v yamllint >/dev/null || echo --validate-yaml=false)

.PHONY: workflows
workflows: ## Check the workflows for GitHub with actionlint.
	@$(GO_CHECK) actionlint -shellcheck= -pyflakes=

.PHONY: release-check
release-check: $(HELM) $(COSIGN) ## Publish a release to a registry on loopback, signed with a key of its own, and verify it with the commands of docs/verify-a-release.md.
	@cd hack/tools/cosign && go build -trimpath -o $(CURDIR)/bin/registry github.com/google/go-containerregistry/cmd/registry
	@VERSION='$(VERSION)' REVISION='$(REVISION)' COSIGN='$(COSIGN)' REGISTRY=bin/registry hack/release/check.sh

RENOVATE := renovate@39.264.1

.PHONY: renovate-check
renovate-check: ## Check Renovate's configuration with its own validator; needs npm and its registry, minutes the first time.
	@$(PROGRESS) 'fetching $(RENOVATE) and validating .github/renovate.json' \
	  npx --yes --ignore-scripts --omit=optional --package '$(RENOVATE)' -- renovate-config-validator --strict .github/renovate.json

# Modules with programs of their own; those of Flux and Argo CD would have to be compiled whole for it. A narrower one if told.
LINTED := $(if $(filter ./%,$(LINT_ARGS)),.,. hack/image hack/tools hack/tools/helm hack/tools/lint test/browser test/contract test/gitops test/monitoring)

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run golangci-lint with kube-api-linter; LINT_ARGS='--fix' fixes what it can, LINT_ARGS=./internal/astro/... narrows it.
	@for module in $(LINTED); do \
	  (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run --config=$(CURDIR)/.golangci.yml $(LINT_ARGS)) || { echo "$$module: the linters are not content"; exit 1; }; \
	done

.PHONY: bench
bench: apiserver build ## Measure every scenario at three sizes, a quarter of an hour; BENCH_ARGS narrows it (docs/performance.md), PROFILE=1 writes profiles.
	KUBEBUILDER_ASSETS='$(ASSETS)' go run ./test/bench $(BENCH_ARGS)

.PHONY: chaos
chaos: apiserver build ## Prove the promises in SCHEDULES seeded schedules (SEED) of users, faults and kills; SCHEDULE=n replays one, CHAOS_ARGS are more flags.
	KUBEBUILDER_ASSETS='$(ASSETS)' go run ./test/chaos -seed=$(or $(SEED),1) -schedules=$(or $(SCHEDULES),500) \
	  -schedule=$(or $(SCHEDULE),-1) $(CHAOS_ARGS)

# Flags for the explorer, such as EXPLORE_ARGS='-scenario=modes -seconds=300' or EXPLORE_ARGS='-replay=...'.
EXPLORE_ARGS ?=

.PHONY: explore
explore: ## Visit every interleaving of decisions with users, API server, Astro and crashes up to a bound, two minutes; BOUND=n multiplies it, MUTATIONS=1 puts faults into the code that have to be found.
	@go run ./test/explore -bound=$(or $(BOUND),1) $(if $(MUTATIONS),-mutations -seconds=60) $(EXPLORE_ARGS)

.PHONY: soak
soak: apiserver ## Let an hour of the operator's time pass in a minute or two and look for what grows; SOAK_ARGS are its flags.
	KUBEBUILDER_ASSETS='$(ASSETS)' go run ./test/soak $(SOAK_ARGS)

##@ Generated files

.PHONY: generate
generate: ## Generate the deep copies of the kinds.
	$(GO_TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: ## Generate the CRDs and the manager's role from the markers in the code.
	$(GO_TOOL) controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	go run -C hack/tools ./crd $(CURDIR)/config/crd/bases
	$(GO_TOOL) controller-gen rbac:roleName=manager-role paths=./internal/controller/... output:rbac:dir=config/rbac

.PHONY: chart
chart: manifests ## Generate of the chart what follows from the kinds, the roles and the comments in its values.yaml.
	go run -C hack/tools/helm ./chart $(CURDIR)

.PHONY: install-yaml
install-yaml: ## Write dist/install.yaml, all of config/default in one file; IMG is its image.
	@mkdir -p dist
	$(GO_TOOL) kustomize build config/default | sed 's|image: scopedtoken-operator:latest|image: $(IMG)|' > dist/install.yaml

.PHONY: docs
docs: ## Generate docs/reference/api.md from the kinds.
	@mkdir -p docs/reference
	$(GO_TOOL) crd-ref-docs --log-level=ERROR --source-path=api --config=hack/tools/crd-ref-docs.yaml \
	  --renderer=markdown --output-path=docs/reference/api.md

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format the Go code and group its imports.
	$(GOLANGCI_LINT) fmt

.PHONY: tidy
tidy: ## Run `go mod tidy` in every module.
	@for module in $(MODULES); do echo "go mod tidy in $$module"; (cd $$module && go mod tidy); done

##@ Cluster (the one of KUBECONFIG)

.PHONY: install
install: ## Install the CRDs.
	$(GO_TOOL) kustomize build config/crd | $(KUBECTL) apply --server-side -f -

.PHONY: uninstall
uninstall: ## Delete the CRDs and every object of theirs: the operator, if it runs, revokes what the bindings granted.
	$(GO_TOOL) kustomize build config/crd | $(KUBECTL) delete --ignore-not-found -f -

.PHONY: deploy
deploy: ## Install the CRDs and the operator; IMG is its image.
	$(GO_TOOL) kustomize build config/default | sed 's|image: scopedtoken-operator:latest|image: $(IMG)|' | \
	  $(KUBECTL) apply --server-side -f -

.PHONY: undeploy
undeploy: ## Delete the operator of `make deploy` and its namespace, Secrets included; the CRDs and the bindings stay, and so does what they granted.
	$(GO_TOOL) kustomize build config/default | $(KUBECTL) delete --ignore-not-found -l app.kubernetes.io/name=scopedtoken-operator -f -

# Tools that are built once.

$(GOLANGCI_LINT): hack/tools/lint/main.go hack/tools/lint/go.mod hack/tools/lint/go.sum
	@cd hack/tools/lint && $(PROGRESS) 'building golangci-lint, about two minutes the first time' go build -trimpath -o $(CURDIR)/$@ .

$(HELM): hack/tools/helm/go.mod hack/tools/helm/go.sum
	@cd hack/tools/helm && $(PROGRESS) 'building helm, a few minutes the first time' go build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ helm.sh/helm/v4/cmd/helm

# Without the ways in which Prometheus finds its targets, of which the rules know nothing.
$(PROMTOOL): test/monitoring/go.mod test/monitoring/go.sum
	@cd test/monitoring && $(PROGRESS) 'building promtool, a few minutes the first time' go build -tags remove_all_sd -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ github.com/prometheus/prometheus/cmd/promtool

$(COSIGN): hack/tools/cosign/go.mod hack/tools/cosign/go.sum
	@cd hack/tools/cosign && $(PROGRESS) 'building cosign, minutes the first time' \
	  go build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ github.com/sigstore/cosign/v3/cmd/cosign
