import { rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { type Platform, startPlatform, temporaryFolder } from '#test/acceptance/platform';
import { exportOnce } from '#test/bench/export';
import { bodiesOf, FROM, generate, send, TO } from '#test/bench/load';
import { costOfTree } from '#test/bench/process-cost';
import { settled } from '#test/acceptance/client';
import { findRole } from '#test/soak/kill';
import { sealed } from '#test/soak/examine';

/** One file by processes that did nothing else: what it took at most. */
export interface ExportMemory {
  readonly name: string;
  readonly rows: number;
  readonly megabytes: number;
  readonly rowsPerSecond: number;
  /** Highest resident sets in MB: of the worker until the file was written, of the api until it was downloaded. */
  readonly worker: number;
  readonly api: number;
  /** The same before it was asked for. */
  readonly workerBefore: number;
  readonly apiBefore: number;
}

export interface ExportMemorySize {
  /** Events of the smaller files; the larger ones have four times as many. */
  readonly events: number;
  readonly say: (line: string) => void;
}

const ENV = { CAIRN_LOG_LEVEL: 'warn', CAIRN_QUERY_COST_PER_MINUTE: '0', CAIRN_SEAL_SECONDS: '1' };
const FORMATS = ['CSV', 'NDJSON'] as const;
const ROUND = 100_000;

/** Files of N and of 4 N events, each by processes that were started for it: memory must not grow with the file. */
export async function benchExportMemory(size: ExportMemorySize): Promise<readonly ExportMemory[]> {
  const folder = await temporaryFolder();
  const dataDir = join(folder, 'data');
  try {
    const apiKey = await fill(dataDir, size);
    const results: ExportMemory[] = [];
    for (const format of FORMATS) {
      for (const share of [0.25, 1]) {
        const platform = await startPlatform({ dataDir, apiKey, env: ENV });
        try {
          const result = await measure(platform, format, share);
          const { rows, worker, api } = result;
          size.say(`${format}, ${rows} rows: worker ${worker} MB, api ${api} MB`);
          results.push(result);
        } finally {
          await platform.stop();
        }
      }
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Events in the order of their time, so that the first quarter of the month has a quarter of them. */
async function fill(dataDir: string, { events, say }: ExportMemorySize): Promise<string> {
  const platform = await startPlatform({ dataDir, env: ENV });
  const agent = new Agent({ keepAlive: true });
  const target = { url: platform.url, apiKey: platform.apiKey, agent };
  try {
    const total = 4 * events;
    for (let done = 0; done < total; done += ROUND) {
      const at = (place: number): number => FROM + ((TO - FROM) * place) / total;
      const count = Math.min(ROUND, total - done);
      await send(target, bodiesOf(generate(1 + done / ROUND, count, [at(done), at(done + count)])));
      say(`${done + count} of ${total} events`);
    }
    await settled(platform);
    await sealed(platform);
    return platform.apiKey;
  } finally {
    agent.destroy();
    await platform.stop();
  }
}

async function measure(platform: Platform, format: string, share: number): Promise<ExportMemory> {
  const peaks = (): { worker: number; api: number } => {
    const tree = costOfTree(platform.process.pid ?? 0);
    const of = (role: 'api' | 'worker'): number => {
      const pid = findRole(tree, role);
      return Math.round(tree.find((one) => one.pid === pid)?.peakMegabytes ?? 0);
    };
    return { worker: of('worker'), api: of('api') };
  };
  const before = peaks();
  const agent = new Agent({ keepAlive: true });
  const target = { url: platform.url, apiKey: platform.apiKey, agent };
  const to = new Date(FROM + (TO - FROM) * share).toISOString();
  try {
    const rate = await exportOnce(
      target,
      format,
      `format: ${format}, filter: { eventTime: { to: "${to}" } }`,
    );
    const { name, rows, megabytes, rowsPerSecond } = rate;
    return {
      name,
      rows,
      megabytes,
      rowsPerSecond,
      ...peaks(),
      workerBefore: before.worker,
      apiBefore: before.api,
    };
  } finally {
    agent.destroy();
  }
}
