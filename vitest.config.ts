import swc from 'unplugin-swc';
import { defineConfig } from 'vitest/config';

const unit = {
  include: ['**/*.test.ts'],
  exclude: ['**/*.{int,svc}.test.ts', 'test/acceptance/**', 'node_modules/**', 'dist/**'],
};
const integration = { include: ['**/*.int.test.ts'], exclude: ['node_modules/**', 'dist/**'] };
const services = { include: ['**/*.svc.test.ts'], exclude: ['node_modules/**', 'dist/**'] };
// On the real services the platform has no embedded PostgreSQL that could be looked at.
const embedded = process.env['TEST_SERVICES'] ? ['test/acceptance/embedded*.test.ts'] : [];
const acceptance = {
  include: ['test/acceptance/**/*.test.ts'],
  exclude: ['node_modules/**', 'dist/**', ...embedded],
};

/**
 * type-graphql's decorators need metadata, which only swc emits here; graphql must load once, as ESM.
 * vitest hands ssr.resolve.conditions to Node: with `import` among them pg's require() gets ES modules and dies.
 */
export default defineConfig({
  oxc: false,
  plugins: [
    swc.vite({
      jsc: {
        target: 'es2024',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
    }),
  ],
  resolve: {
    conditions: ['source'],
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  ssr: { resolve: { conditions: ['source', 'node', 'default'] } },
  // where vitest runs global set-up files
  environments: { __vitest__: { resolve: { conditions: ['source', 'node', 'import', 'default'] } } },
  test: {
    maxWorkers: 2,
    // Messages say all that differs: of a run elsewhere they are what is left.
    chaiConfig: { truncateThreshold: 0 },
    // What is waited for comes; a second is little on a busy machine.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      { extends: true, test: { name: 'unit', ...unit, testTimeout: 30_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          ...integration,
          globalSetup: ['test/postgres-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'acceptance',
          ...acceptance,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // Behind the others: beside them their platforms would take the time that short tests reckon with.
          sequence: { groupOrder: 1 },
        },
      },
      // On the real services of infra/local: npm run test:services.
      {
        extends: true,
        test: {
          name: 'services',
          ...services,
          globalSetup: ['test/services-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
