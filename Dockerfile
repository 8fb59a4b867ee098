# Build: with the development dependencies.
FROM node:24-bookworm-slim AS build
WORKDIR /rialto
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY prisma prisma
COPY src src
# Runs the build, too: the `prepare` script
RUN npm ci

# Run: without them, as an ordinary user, from a file system that may be read-only.
FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /rialto
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY --from=build /rialto/dist dist
COPY openapi.yaml openapi.yaml
COPY prisma/migrations prisma/migrations
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "require(process.env.RIALTO_TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/readyz', rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "dist/main.js"]
