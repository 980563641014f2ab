import { expect, it } from 'vitest';
import { levelOf } from '#cli/platform-services';

const at = '2026-11-23 02:44:35.292 UTC [29940]';

it.each([
  `${at} LOG:  database system is ready to accept connections`,
  `${at} FATAL:  the database system is starting up`,
  `${at} FATAL:  the database system is not yet accepting connections`,
  `${at} DETAIL:  Consistent recovery state has not been yet reached.`,
  `${at} ERROR:  duplicate key value violates unique constraint "journal_key_202611_pkey"`,
])('keeps people from %s', (line) => {
  expect(levelOf(line)).toBe('debug');
});

it.each([
  `${at} PANIC:  could not write to file "pg_wal/xlogtemp.29": No space left on device`,
  `${at} ERROR:  duplicate key value violates unique constraint "account_pkey"`,
  `${at} WARNING:  terminating connection because of crash of another server process`,
])('shows %s', (line) => {
  expect(levelOf(line)).toBe('warn');
});
