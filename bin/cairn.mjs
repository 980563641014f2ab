#!/usr/bin/env node
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';

import { bootstrap, ROOT, runMain } from './bootstrap.mjs';

await runMain(async () => {
  if (await bootstrap(fileURLToPath(import.meta.url))) {
    // graphql and others check every value once more, and say more of their errors, unless told that this is no workshop.
    process.env.NODE_ENV ??= 'production';
    await import(pathToFileURL(join(ROOT, 'dist/cli/main.js')).href);
  }
});
