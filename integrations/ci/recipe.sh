#!/bin/sh
# The three jobs, for any CI that can run a shell with Node 24 and npm. Copy what is here into yours.
#   sh recipe.sh pull-request | merge | schedule
# In the repository: payloads in mcp/CLIENT/PROFILE.json, and mcp-orchestration in package-lock.json.
# Only for "merge" and "schedule": MCP_CONFIG_URL, MCP_CONFIG_TOKEN; for "merge" also COMMIT, which is signed along.
set -eu
npm ci --ignore-scripts
RECIPE=node_modules/mcp-orchestration/integrations/ci/mcp-config.js
case "${1:-}" in
  pull-request)
    node "$RECIPE" validate mcp
    ;;
  merge)
    node "$RECIPE" validate mcp
    MCP_CONFIG_CHANGELOG="Commit $COMMIT" node "$RECIPE" publish mcp
    ;;
  schedule)
    node "$RECIPE" drift mcp
    ;;
  *)
    echo "usage: recipe.sh pull-request|merge|schedule" >&2
    exit 2
    ;;
esac
