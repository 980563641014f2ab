#!/usr/bin/env node
import { fileURLToPath } from 'node:url';

import { bootstrap, runMain } from './bootstrap.mjs';
import { runOnRealServices } from './real-services.mjs';
import { closing } from './run-tests.mjs';

await runMain(async () => {
  if (!(await bootstrap(fileURLToPath(import.meta.url)))) return;
  const result = await runOnRealServices(process.argv.slice(2));
  process.stdout.write(`${closing(result)}\n`);
  if (result.failures.length > 0) process.exitCode = 1;
});
