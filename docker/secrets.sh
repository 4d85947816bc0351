#!/bin/sh
# Makes the tokens of a compose project: new ones at the first start, so that no two projects share one. Given
# tokens replace them.
#   /agent-secrets/agent_token   of agent and consumer; the server sends it
#   /secrets/api_token           for readers of the API
#   /secrets/api_tokens          the hash of it, for the server
set -eu
umask 077
cd "${1:-/secrets}"
agent_token="${2:-/agent-secrets}/agent_token"

# A file changes as a whole, because a server may read it at any moment.
put() {
  cat >"$1.new"
  mv "$1.new" "$1"
}
random() {
  head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'
}

if [ -n "${AFTERLOG_AGENT_TOKEN:-}" ]; then
  printf '%s' "$AFTERLOG_AGENT_TOKEN" | put "$agent_token"
elif [ ! -s "$agent_token" ]; then
  random | put "$agent_token"
fi
if [ -n "${AFTERLOG_TOKENS:-}" ]; then
  printf '%s' "$AFTERLOG_TOKENS" | put api_tokens
  rm -f api_token
else
  [ -s api_token ] || random | put api_token
  sha256sum <api_token | cut -d ' ' -f 1 | put api_tokens
fi
