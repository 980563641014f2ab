import type { Paint } from '#cli/output/color';
import { printable } from '#cli/output/table';

/** What `cairn tail` asks of an event. */
export interface TailedEvent {
  readonly eventTime: string;
  readonly eventName: string | null;
  readonly eventSource: string | null;
  readonly username: string | null;
  readonly accountId: string;
  readonly sourceIPAddress: string | null;
  readonly errorCode: string | null;
}

/** Lines come one at a time, so the columns cannot follow their widest cell. */
const COLUMNS = [
  ['eventTime', 24],
  ['eventName', 28],
  ['eventSource', 26],
  ['username', 24],
  ['accountId', 12],
  ['sourceIPAddress', 15],
] as const;

/** One aligned line: red when the event failed, green when it did not. */
export function eventLine(event: TailedEvent, paint: Paint): string {
  const cells = COLUMNS.map(([name, width]) => cell(event[name] ?? '', width));
  const error = event.errorCode === null ? '' : printable(event.errorCode.slice(0, 80));
  const line = [...cells, error].join('  ').trimEnd();
  return `${paint(event.errorCode === null ? 'green' : 'red', line)}\n`;
}

function cell(text: string, width: number): string {
  const shown = printable(text.slice(0, width + 1));
  return (shown.length > width ? `${shown.slice(0, width - 1)}…` : shown).padEnd(width);
}
