import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const COMMAND = fileURLToPath(new URL('../../../infra/local/services.mjs', import.meta.url));
const PROCESSES = z.object({
  processes: z.record(z.string(), z.object({ pid: z.number().optional() })),
});

/** The real services, started for one benchmark. */
export interface StartedServices {
  pidOf(name: string): number;
  stop(): void;
}

/** In a temporary folder, for test/services.ts to find; programs that were fetched before are in SERVICES_CACHE. */
export function startServices(): StartedServices {
  const state = mkdtempSync(join(tmpdir(), `cairn-bench-services-${process.pid}-`));
  chmodSync(state, 0o711);
  const run = (command: string, ...more: readonly string[]): string =>
    execFileSync(process.execPath, [COMMAND, command, '--state', state, ...more], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const stop = (): void => {
    run('down');
    rmSync(state, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    run('up');
  } catch (error) {
    stop();
    throw error;
  }
  // Where test/services.ts looks.
  process.env['TEST_SERVICES'] = join(state, 'services.json');
  const { processes } = PROCESSES.parse(JSON.parse(run('status', '-o', 'json')));
  return {
    pidOf: (name) => {
      const pid = processes[name]?.pid;
      if (pid === undefined) throw new Error(`${name} was not started.`);
      return pid;
    },
    stop,
  };
}
