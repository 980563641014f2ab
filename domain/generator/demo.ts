import { EventSource, EXAMPLE_ACCOUNTS } from '#domain/generator/events';
import { INCIDENT_COUNT, stageIncidents, type Incident } from '#domain/generator/incidents';

const DEMO_SEED = 2026;
export const DEMO_ACCOUNTS = EXAMPLE_ACCOUNTS.slice(0, 2);
const DEMO_EVENTS = 2000;
const DAY_MS = 86_400_000;
const DAYS = 30;

export interface DemoMonth {
  /** JSON texts of 2,000 events of the 30 days before `to`, in order of eventTime. */
  readonly events: readonly string[];
  /** What is hidden in them, in order of time; their events are among `events`. */
  readonly incidents: readonly Incident[];
}

/**
 * A month of two small accounts with a few incidents in it, for those who try Cairn. Quiet at night and on
 * weekends. `to` is in milliseconds since 1970; the same `to` gives the same month.
 */
export function demoMonth(to: number): DemoMonth {
  const source = demoSource(0);
  const { random } = source;
  const from = to - DAYS * DAY_MS;
  const [cast] = source.casts;
  if (cast === undefined) throw new RangeError('no account');
  const beginnings = Array.from(
    { length: INCIDENT_COUNT },
    (_, i) => from + ((i + 0.3 + 0.4 * random.float()) / INCIDENT_COUNT) * DAYS * DAY_MS,
  );
  const incidents = stageIncidents({ random, cast }, beginnings);
  const staged = incidents.flatMap(({ events }) => events);
  const background = Array.from({ length: DEMO_EVENTS - staged.length }, () =>
    source.next(busyTime(source, from)),
  );
  return { events: [...background, ...staged].toSorted(byTime), incidents };
}

/** The same people and programs going on; another `run` gives other events (0 is the month's own). */
export function demoSource(run: number): EventSource {
  return new EventSource({ seed: DEMO_SEED, run, accounts: DEMO_ACCOUNTS });
}

/** An instant of the month: five times likelier in working hours (UTC) than outside. */
function busyTime({ random }: EventSource, from: number): number {
  for (;;) {
    const time = from + random.float() * DAYS * DAY_MS;
    const date = new Date(time);
    const isWeekend = date.getUTCDay() % 6 === 0;
    const isWorking = !isWeekend && date.getUTCHours() >= 7 && date.getUTCHours() < 18;
    if (isWorking || random.chance(0.2)) return time;
  }
}

function byTime(a: string, b: string): number {
  const [one, other] = [timeOf(a), timeOf(b)];
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The generator's own records: eventTime is written one way, so that texts compare like times. */
function timeOf(record: string): string {
  const start = record.indexOf('"eventTime":"') + 13;
  return record.slice(start, start + 20);
}
