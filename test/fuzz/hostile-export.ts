import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { EXPORT_COLUMNS } from '#domain/exports';
import { cairn, type Platform } from '#test/acceptance/platform';
import { temporaryFolder } from '#test/harness';

/** As a spreadsheet reads a cell that it is given: what it trims is gone, and then a sign begins a formula. */
const RUNS = /^[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@]/u;

/** What is wrong with a file of all columns of all events: a stranger's parser reads it. */
export async function exportFindings(
  platform: Platform,
  apiKey: string,
  acknowledged: ReadonlySet<string>,
): Promise<readonly string[]> {
  const folder = await temporaryFolder();
  const file = join(folder, 'all.csv');
  const env = { CAIRN_URL: platform.url, CAIRN_API_KEY: apiKey };
  try {
    const asked = ['export', '--format', 'csv', '--columns', EXPORT_COLUMNS.join(','), '--out', file];
    const done = await cairn(asked, env);
    if (done.code !== 0) return [`cairn export: ${done.stdout}${done.stderr}`];
    // A line without as many cells as the header has is an error of the parser.
    const rows = parse<Record<string, string>>(await readFile(file), { columns: true });
    const raws = new Set(rows.map(({ raw = '' }) => raw));
    const lost = [...acknowledged].filter((text) => !raws.has(text) && !raws.has(`'${text}`));
    const formulas = rows.flatMap(Object.values).filter((cell: string) => RUNS.test(cell));
    return [
      ...lost.slice(0, 1).map((text) => `${lost.length} events are not in the export: ${text.slice(0, 500)}`),
      ...formulas
        .slice(0, 3)
        .map((cell) => `the export has a formula: ${JSON.stringify(cell.slice(0, 200))}`),
    ];
  } catch (error) {
    return [`the export cannot be read: ${String(error)}`];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
