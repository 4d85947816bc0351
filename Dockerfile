# One image for every role: `docker run afterlog agent`, `… consumer`, `… server`, `… migrate`.

# Our own build result is plain JavaScript, so Alpine can build it. On Alpine, npm omits packages for glibc, and
# so the 500 MB of the embedded ClickHouse, which only `afterlog up` and the tests use.
FROM node:26.10.0-alpine AS build
WORKDIR /opt/afterlog
COPY package.json package-lock.json ./
# No package here needs an install script, and afterlog's own `prepare` would run before the sources are
# copied.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The second install has the prebuilt parts of lz4-napi and snappy for the glibc of the image below. At the end all
# files are made readable for every user, regardless of the umask at the time of the clone.
RUN npm run build \
    && npm ci --omit=dev --libc=glibc --ignore-scripts --no-audit --no-fund \
    && rm -rf src tsconfig.json tsconfig.build.json package-lock.json \
    && chmod -R a+rX .

FROM node:26.10.0-trixie-slim
LABEL org.opencontainers.image.title="afterlog" \
      org.opencontainers.image.description="Sandbox console logs that outlive the sandbox" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/afterlog /opt/afterlog
# /data is the runtime's folder, or a new volume, which then belongs to the user below; /secrets and
# /agent-secrets are for the compose file's tokens.
RUN ln -s /opt/afterlog/bin/afterlog.js /usr/local/bin/afterlog \
    && install -d -o node -g node /data \
    && install -d -o node -g node -m 700 /secrets /agent-secrets
ENV NODE_ENV=production \
    NODE_OPTIONS=--disable-sigusr1 \
    AFTERLOG_DATA_DIR=/data
EXPOSE 8600 8601 8602
# The working folder may contain an afterlog.yaml.
WORKDIR /etc/afterlog
# The image's user `node`. On a real host, run the agent as the owner of the logs: see
# docs/guides/containers.md.
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["node", "/opt/afterlog/docker/healthcheck.js"]
# Without a token, a role listens only inside of its container.
ENTRYPOINT ["/opt/afterlog/docker/entrypoint.sh"]
CMD ["--help"]
