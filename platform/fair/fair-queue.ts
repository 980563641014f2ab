import type { Share } from '#platform/fair/share';

/** What is remembered of those who wait for nothing; who was forgotten counts as new. */
const REMEMBERED = 200;

/**
 * What waits, served by who has had least: start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996), first among
 * groups and then among the members of one. Who begins to wait is taken to have had no less than those who were
 * served meanwhile: nobody saves up.
 */
export class FairQueue<T> {
  readonly #groups = new Lanes<Lanes<Fifo<T>>>(() => new Lanes(() => new Fifo<T>()));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Groups of which it is known what they have had. */
  get remembered(): number {
    return this.#groups.size;
  }

  /** Of one member. */
  waiting({ group, member }: Share): number {
    return this.#groups.find(group)?.find(member)?.items.length ?? 0;
  }

  push({ group, member }: Share, item: T): void {
    this.#groups.enter(group).enter(member).items.push(item);
    this.#size += 1;
  }

  /** The next whose group may be served. */
  shift(mayServe: (group: string) => boolean = () => true): T | undefined {
    const group = this.#groups.next(mayServe);
    const member = group?.next(() => true);
    const item = member?.items.shift();
    if (item !== undefined) this.#size -= 1;
    return item;
  }

  /** Counts what somebody has had, in whatever unit all are counted. */
  charge({ group, member }: Share, amount: number): void {
    this.#groups.charge(group, amount);
    this.#groups.find(group)?.charge(member, amount);
  }
}

interface Emptiable {
  readonly isEmpty: boolean;
}

class Fifo<T> implements Emptiable {
  readonly items: T[] = [];

  get isEmpty(): boolean {
    return this.items.length === 0;
  }
}

interface Lane<Content> {
  had: number;
  readonly content: Content;
}

/** Several that are served in turn. */
class Lanes<Content extends Emptiable> implements Emptiable {
  readonly #lanes = new Map<string, Lane<Content>>();
  readonly #create: () => Content;
  /** What the one had that was served last: time, for those who wait. */
  #now = 0;

  constructor(create: () => Content) {
    this.#create = create;
  }

  get size(): number {
    return this.#lanes.size;
  }

  get isEmpty(): boolean {
    for (const { content } of this.#lanes.values()) if (!content.isEmpty) return false;
    return true;
  }

  find(name: string): Content | undefined {
    return this.#lanes.get(name)?.content;
  }

  enter(name: string): Content {
    const known = this.#lanes.get(name);
    if (known !== undefined) {
      if (known.content.isEmpty) known.had = Math.max(known.had, this.#now);
      return known.content;
    }
    if (this.#lanes.size >= REMEMBERED) this.#forget();
    const content = this.#create();
    this.#lanes.set(name, { had: this.#now, content });
    return content;
  }

  next(mayServe: (name: string) => boolean): Content | undefined {
    let least: Lane<Content> | undefined;
    for (const [name, lane] of this.#lanes) {
      if (lane.content.isEmpty || (least !== undefined && lane.had >= least.had) || !mayServe(name)) continue;
      least = lane;
    }
    if (least !== undefined) this.#now = Math.max(this.#now, least.had);
    return least?.content;
  }

  charge(name: string, amount: number): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) lane.had += amount;
  }

  #forget(): void {
    for (const [name, { content }] of this.#lanes) if (content.isEmpty) this.#lanes.delete(name);
  }
}
