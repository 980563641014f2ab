/** The first instant (UTC) of the month that the time lies in. Milliseconds since 1970, both. */
export function startOfMonth(time: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** The first instant (UTC) of the month `count` months after (or, negative, before) that of `time`. */
export function addMonths(time: number, count: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1);
}

/**
 * Before this instant retention has run out: whole months are dropped, so the oldest event kept is at least
 * `months` months old when its month goes.
 */
export function retentionCutOff(now: number, months: number): number {
  return addMonths(now, -months);
}
