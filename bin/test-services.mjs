#!/usr/bin/env node
import { fileURLToPath } from 'node:url';

import { bootstrap, runMain } from './bootstrap.mjs';
import { runOnRealServices } from './real-services.mjs';
import { closingLine } from './run-tests.mjs';

await runMain(async () => {
  if (!(await bootstrap(fileURLToPath(import.meta.url)))) return;
  const result = await runOnRealServices(process.argv.slice(2));
  process.stdout.write(`${closingLine(result)}\n`);
  if (result.failed > 0) process.exitCode = 1;
});
