# The HTTP server, in server mode. Nothing is fetched at run time, and nothing but the volume is written.
# Node as package.json pins it; Debian, because the prebuilt parts are tried with glibc.
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

# What the program needs to run. Without install scripts: the only one that is allowed would fetch the Node that is here.
# Without optional packages: a container has no keychain.
FROM base AS packages
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY rolldown.config.ts tsconfig.json ./
COPY scripts scripts
COPY src src
RUN npm run build
# What speaks with Redis is optional elsewhere. It is taken from here, as the lock file has it.
RUN mkdir /redis && for name in ioredis @ioredis cluster-key-slot debug denque ms redis-errors standard-as-callback; do cp -R node_modules/$name /redis/; done

FROM base
LABEL org.opencontainers.image.title="mcp-orchestration" \
      org.opencontainers.image.source="https://github.com/liminalcommons/mcp-orchestration" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=packages /app/node_modules node_modules
COPY --from=build /redis node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY docker docker
RUN ln -s /app/bin/mcp-orchestration.js /usr/local/bin/mcp-orchestration \
 && install -d -m 0700 -o 1000 -g 1000 /var/lib/mcp-orchestration
# The data directory is one below the volume: the program makes it private, whoever made the volume.
ENV MCP_ORCHESTRATION_HOME=/var/lib/mcp-orchestration/data \
    MCP_ORCHESTRATION_HOST=0.0.0.0 \
    MCP_ORCHESTRATION_PORT=8000
# The user "node" of the image, as a number: only of a number can Kubernetes tell that it is not root.
USER 1000:1000
VOLUME /var/lib/mcp-orchestration
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s --retries=3 CMD ["node", "/app/docker/health-check.js"]
ENTRYPOINT ["mcp-orchestration"]
CMD ["serve-http"]
