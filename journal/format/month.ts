/** Months since 1970-01 (UTC) of a time in milliseconds since 1970. */
export function monthOf(time: number): number {
  const date = new Date(time);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** The first instant of a month, in milliseconds since 1970. */
export function monthStart(month: number): number {
  return Date.UTC(1970, month, 1);
}

/** `YYYY-MM`. */
export function monthName(month: number): string {
  return new Date(monthStart(month)).toISOString().slice(0, 7);
}
