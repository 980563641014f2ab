/** Bytes of a file from `from` up to, not including, `to`. */
export interface FileRange {
  readonly from: number;
  readonly to: number;
  readonly isWhole: boolean;
}

/**
 * The one range that a request asks for (RFC 9110, section 14.2). Several ranges, other units and a range of
 * another version (If-Range) are answered with the whole file, as the RFC allows.
 */
export function readRange(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  { size, etag }: { readonly size: number; readonly etag: string },
): FileRange | 'unsatisfiable' {
  const whole = { from: 0, to: size, isWhole: true };
  const condition = headers['if-range'];
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(String(headers['range'] ?? ''));
  if (match === null || (condition !== undefined && condition !== etag)) return whole;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return whole;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { from: size - length, to: size, isWhole: false };
  }
  const from = Number(first);
  const to = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < from) return whole;
  return from >= size ? 'unsatisfiable' : { from, to, isWhole: false };
}
