# The image of every role. Build: docker build -t cairn . ; run with others: infra/compose.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The pinned Node of npm is for machines without one.
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/node-linux-*

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    CAIRN_HOST=0.0.0.0 \
    CAIRN_DATA=/var/lib/cairn/data
# PostgreSQL, where the embedded one is used, wants its user to have a name.
RUN groupadd --gid 10001 cairn \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/cairn --shell /usr/sbin/nologin cairn \
 && install -d -o cairn -g cairn -m 0700 /var/lib/cairn
WORKDIR /opt/cairn
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY infra/docker/healthcheck.mjs infra/docker/healthcheck.mjs
COPY infra/docker/cairn /usr/local/bin/cairn
USER 10001:10001
# Everything that is written, /tmp apart: the rest can be read-only (--read-only --tmpfs /tmp).
VOLUME /var/lib/cairn
EXPOSE 4600
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "/opt/cairn/infra/docker/healthcheck.mjs"]
ENTRYPOINT ["cairn"]
CMD ["start"]
