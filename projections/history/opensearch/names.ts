const INDEX = /^(\d{1,15})-(?:state|refused|events-(?:\d{4}\.\d{2}|other)(?:-(\d{1,15}))?-\d{1,15})$/;

/** Names of everything that history has in an OpenSearch, all of them beginning with the installation's prefix. */
export class Names {
  /** All indices of events of the generation that answers. */
  readonly events: string;
  /** The state of the generation that answers. */
  readonly state: string;
  /** The refused documents of the generation that answers. */
  readonly refused: string;
  readonly template: string;
  /** The pattern of the template. */
  readonly allEvents: string;
  /** All indices, and perhaps foreign ones: `generationOf` tells. */
  readonly all: string;
  readonly #start: string;

  constructor(prefix: string) {
    this.#start = `${prefix}-history-`;
    this.events = `${prefix}-history`;
    this.state = `${this.#start}state`;
    this.refused = `${this.#start}refused`;
    this.template = `${this.#start}events`;
    this.allEvents = `${this.#start}*-events-*`;
    this.all = `${this.#start}*`;
  }

  stateOf(generation: number): string {
    return `${this.#start}${generation}-state`;
  }

  refusedOf(generation: number): string {
    return `${this.#start}${generation}-refused`;
  }

  /** The term is that of the writer who makes the index: no two make one of the same name. */
  eventsOf(generation: number, month: string, { term, part }: { term: number; part: number }): string {
    return `${this.#start}${generation}-events-${month}-${term}-${part}`;
  }

  /** Of the writer who made the index of events; 0 when it was made before names had it. */
  termOf(index: string): number {
    return Number(INDEX.exec(index.slice(this.#start.length))?.[2] ?? 0);
  }

  /** Undefined when the index is not one of ours. */
  generationOf(index: string): number | undefined {
    if (!index.startsWith(this.#start)) return undefined;
    const found = INDEX.exec(index.slice(this.#start.length))?.[1];
    return found === undefined ? undefined : Number(found);
  }
}

/**
 * The alias that documents are written and deleted by; it goes with the index and with the writer that may write now. A
 * writer that lost its lease writes by an alias that is gone.
 */
export function writeAlias(index: string, term: number): string {
  return `${index}.${term}`;
}

/** Undefined when the alias is none that the index is written by. */
export function termOfAlias(index: string, alias: string): number | undefined {
  return alias.startsWith(`${index}.`) ? Number(alias.slice(index.length + 1)) : undefined;
}

/** Names as they stand in a request's path, some at a time: it may have 4,096 bytes. */
export function pathParts(names: readonly string[]): readonly string[] {
  const parts: string[] = [];
  for (let at = 0; at < names.length; at += 20) parts.push(names.slice(at, at + 20).join(','));
  return parts;
}
