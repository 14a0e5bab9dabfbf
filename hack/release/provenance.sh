#!/usr/bin/env bash
# Prints how a release was built, as the predicate of SLSA's provenance (https://slsa.dev/spec/v1.1/provenance): by the
# workflow that runs, as GitHub tells in GITHUB_..., or else by hand.
#
#   REVISION=<commit> hack/release/provenance.sh
set -euo pipefail
: "${REVISION:?}"
source=https://github.com/scopedtoken/scopedtoken-operator
by=${GITHUB_WORKFLOW_REF:-}
ref=${GITHUB_REF:-}
run=${GITHUB_RUN_ID:+$source/actions/runs/$GITHUB_RUN_ID/attempts/${GITHUB_RUN_ATTEMPT:-1}}
cat <<END
{
  "buildDefinition": {
    "buildType": "$source/blob/main/docs/verify-a-release.md#how-it-is-built",
    "externalParameters": {"source": "git+$source", "ref": "$ref", "command": "make release-publish"},
    "internalParameters": {"go": "$(go env GOVERSION)"},
    "resolvedDependencies": [{"uri": "git+$source${ref:+@$ref}", "digest": {"gitCommit": "$REVISION"}}]
  },
  "runDetails": {
    "builder": {"id": "${by:+https://github.com/}${by:-$source#by-hand}"},
    "metadata": {"invocationId": "$run"}
  }
}
END
