/**
 * What makes a spreadsheet read a cell as a formula (OWASP, CSV injection): a sign at the beginning, wide ones
 * of East Asian keyboards among them, also behind white space and control characters that importers trim.
 */
const FORMULA = /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u;

export type CsvValue = string | number | boolean | null | undefined;

/** One cell after RFC 4180; text that a spreadsheet would run is disarmed with a leading apostrophe. */
function csvCell(value: CsvValue): string {
  const text = String(value ?? '');
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /["\n\r,]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A line of CSV with its line ending (RFC 4180). */
export function csvLine(values: readonly CsvValue[]): string {
  return values.map(csvCell).join(',') + '\r\n';
}
