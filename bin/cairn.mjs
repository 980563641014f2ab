#!/usr/bin/env node
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';

import { bootstrap, ROOT, runMain } from './bootstrap.mjs';

await runMain(async () => {
  if (await bootstrap(fileURLToPath(import.meta.url))) {
    await import(pathToFileURL(join(ROOT, 'dist/cli/main.js')).href);
  }
});
