/** The longest spelling that is read: date, time, nine fractional digits, offset. */
const MAX_CHARS = 40;

const SPELLING =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ?(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d))?$/;

/**
 * Milliseconds since 1970 of an event's time, or undefined when it is none: ISO 8601 with `Z` (CloudTrail),
 * without a zone (partner records; UTC then), with an offset, a fraction (cut to milliseconds) or a blank
 * for the `T` (exports of other tools). A leap second counts as the next second.
 */
export function parseEventTime(text: string): number | undefined {
  if (text.length > MAX_CHARS) return undefined;
  const parts = SPELLING.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', , sign, offsetHours, offsetMinutes] = parts;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const midnight = utcMidnight(Number(year), Number(month), Number(day));
  if (midnight === undefined) return undefined;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const offset = sign === undefined ? 0 : offsetMinutesOf(sign, Number(offsetHours), Number(offsetMinutes));
  if (offset === undefined) return undefined;
  return midnight + seconds * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3)) - offset * 60_000;
}

/** Date.UTC takes years below 100 for 19xx and rolls 30 February over; neither is a date here. */
function utcMidnight(year: number, month: number, day: number): number | undefined {
  if (year < 100) return undefined;
  const midnight = Date.UTC(year, month - 1, day);
  const date = new Date(midnight);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? midnight : undefined;
}

function offsetMinutesOf(sign: string, hours: number, minutes: number): number | undefined {
  if (hours > 23 || minutes > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}
