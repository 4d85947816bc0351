#!/bin/sh
# Starts a role. In a container, loopback reaches only the container itself: so a role without its token stays
# there, and one with a token in a variable listens on all addresses. An address in a variable stays as it is;
# one in afterlog.yaml gives way to the variable that is set here.
set -eu
if [ -n "${AFTERLOG_TOKENS:-}${AFTERLOG_TOKENS_FILE:-}" ]; then
  export AFTERLOG_LISTEN="${AFTERLOG_LISTEN:-0.0.0.0:8600}"
fi
if [ -n "${AFTERLOG_AGENT_TOKEN:-}${AFTERLOG_AGENT_TOKEN_FILE:-}" ]; then
  export AFTERLOG_AGENT_LISTEN="${AFTERLOG_AGENT_LISTEN:-0.0.0.0:8601}"
  export AFTERLOG_CONSUMER_LISTEN="${AFTERLOG_CONSUMER_LISTEN:-0.0.0.0:8602}"
fi
exec afterlog "$@"
