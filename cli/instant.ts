/** A month, a day or an instant with its offset: anything else would mean the time zone of this machine. */
const INSTANT = /^\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?)?$/;

/** Milliseconds since 1970; a month or a day means its first instant, UTC. */
export function parseInstant(text: string): number | undefined {
  const time = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
