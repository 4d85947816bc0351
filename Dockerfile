# One image for every role: `docker run afterlog agent`, `… consumer`, `… server`, `… migrate`.

# What is built is plain JavaScript, so it may be built on Alpine: there npm leaves out the packages for glibc, and
# with them the 500 MB of ClickHouse as a library, which only `afterlog up` and the tests use.
FROM node:26.10.0-alpine AS build
WORKDIR /opt/afterlog
COPY package.json package-lock.json ./
# No package that is needed here has an install script, and this package's own `prepare` would build without sources.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# Readable for every user, whatever the umask was under which this folder was cloned.
RUN npm run build \
    && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf src tsconfig.json tsconfig.build.json package-lock.json \
    && chmod -R a+rX .

FROM node:26.10.0-trixie-slim
LABEL org.opencontainers.image.title="afterlog" \
      org.opencontainers.image.description="Sandbox console logs that outlive the sandbox" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/afterlog /opt/afterlog
# /data is the runtime's folder, or a volume that then belongs to the user below.
RUN ln -s /opt/afterlog/bin/afterlog.js /usr/local/bin/afterlog \
    && install -d -o node -g node /data
# A container has a network of its own: its ports are open to others only where they are published.
ENV NODE_ENV=production \
    AFTERLOG_DATA_DIR=/data \
    AFTERLOG_LISTEN=0.0.0.0:8600 \
    AFTERLOG_AGENT_LISTEN=0.0.0.0:8601 \
    AFTERLOG_CONSUMER_LISTEN=0.0.0.0:8602
EXPOSE 8600 8601 8602
# An afterlog.yaml in the working folder is read.
WORKDIR /etc/afterlog
# The image's user `node`. An agent on a real host runs as the one who owns the logs: see docs/guides/containers.md.
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["node", "/opt/afterlog/docker/healthcheck.js"]
ENTRYPOINT ["afterlog"]
CMD ["--help"]
