/** What is on its way to one alert's webhook, and how the last attempt went. */
interface Receiver {
  inFlight: number;
  /** Undefined: nothing was sent since this process began. */
  isGood: boolean | undefined;
  /** Attempts that failed, one after the other. */
  failures: number;
  /** Nothing is sent before; milliseconds since 1970. */
  quietUntil: number;
}

export interface AttemptOutcome {
  readonly isDelivered: boolean;
  /** Milliseconds that it took. */
  readonly took: number;
  /** Milliseconds that the receiver asks to be left alone. */
  readonly quietMs: number;
}

/** Deliveries at once, to receivers that answer quickly and to all others: neither waits for the other. */
const QUICK_SLOTS = 16;
const SLOW_SLOTS = 16;
/** Deliveries at once to one receiver that answers quickly; others get one. */
const QUICK_EACH = 4;
/** An answer that took longer is a slow one. */
const SLOW_MS = 3_000;
/** One that failed is left alone for a while, doubled by each further failure. */
const FIRST_HOLD_MS = 250;
const MAX_HOLD_MS = 10_000;
/** Beyond it those that nothing is on its way to are forgotten; there are at most 1,000 alerts at a time. */
const MAX_KNOWN = 5_000;

/**
 * Who may be sent how much at this moment. It is only a matter of politeness and fairness: what is to be sent, and
 * when, stands in the database, so that a process that forgets all this does no harm.
 */
export class Receivers {
  readonly #known = new Map<string, Receiver>();
  #quick = 0;
  #slow = 0;

  get inFlight(): number {
    return this.#quick + this.#slow;
  }

  /** How many deliveries of each alert may begin now. The first of the list are served first. */
  allowances(alerts: readonly string[], now: number): ReadonlyMap<string, number> {
    const room = { quick: QUICK_SLOTS - this.#quick, slow: SLOW_SLOTS - this.#slow };
    const allowed = new Map<string, number>();
    for (const alert of alerts) {
      const { inFlight, isGood, quietUntil } = this.#known.get(alert) ?? NEW;
      const lane = laneOf(isGood);
      const each = isGood === true ? QUICK_EACH : 1;
      const count = quietUntil > now ? 0 : Math.min(each - inFlight, room[lane]);
      if (count <= 0) continue;
      room[lane] -= count;
      allowed.set(alert, count);
    }
    return allowed;
  }

  /** Counts one that begins; what is returned must be called with its outcome, undefined when nothing was sent. */
  begin(alert: string): (outcome: AttemptOutcome | undefined, now: number) => void {
    const receiver = this.#known.get(alert) ?? { ...NEW };
    this.#known.set(alert, receiver);
    const lane = laneOf(receiver.isGood);
    this.#count(lane, 1);
    receiver.inFlight += 1;
    return (outcome, now) => {
      this.#count(lane, -1);
      receiver.inFlight -= 1;
      if (outcome !== undefined) learn(receiver, outcome, now);
      this.#forget();
    };
  }

  #count(lane: Lane, change: number): void {
    if (lane === 'quick') this.#quick += change;
    else this.#slow += change;
  }

  #forget(): void {
    if (this.#known.size <= MAX_KNOWN) return;
    for (const [alert, { inFlight }] of this.#known) if (inFlight === 0) this.#known.delete(alert);
  }
}

type Lane = 'quick' | 'slow';

const NEW: Readonly<Receiver> = { inFlight: 0, isGood: undefined, failures: 0, quietUntil: 0 };

/** One that nobody knows yet gets the benefit of the doubt, once at a time. */
function laneOf(isGood: boolean | undefined): Lane {
  return isGood === false ? 'slow' : 'quick';
}

function learn(receiver: Receiver, { isDelivered, took, quietMs }: AttemptOutcome, now: number): void {
  receiver.isGood = isDelivered && took <= SLOW_MS;
  receiver.failures = isDelivered ? 0 : receiver.failures + 1;
  const hold = isDelivered ? 0 : Math.min(FIRST_HOLD_MS * 2 ** (receiver.failures - 1), MAX_HOLD_MS);
  receiver.quietUntil = Math.max(receiver.quietUntil, now + Math.max(hold, quietMs));
}
