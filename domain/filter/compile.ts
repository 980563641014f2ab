import type { EventFilter } from '#domain/filter/filter';
import { contains, parseNetwork } from '#domain/filter/ip';
import type { FilterSubject } from '#domain/filter/subject';

/** Whether an event fits. */
export type Predicate = (subject: FilterSubject) => boolean;

/** The filter as a predicate for events in memory; it says what `matches` (domain/filter/meaning.ts) says. */
export function compileFilter(filter: EventFilter): Predicate {
  switch (filter.kind) {
    case 'all':
      return () => true;
    case 'and': {
      const parts = filter.filters.map(compileFilter);
      return (subject) => parts.every((part) => part(subject));
    }
    case 'or': {
      const parts = filter.filters.map(compileFilter);
      return (subject) => parts.some((part) => part(subject));
    }
    case 'not': {
      const inner = compileFilter(filter.filter);
      return (subject) => !inner(subject);
    }
    case 'in': {
      const { field } = filter;
      const wanted = new Set(filter.values);
      return (subject) => subject.values(field).some((value) => wanted.has(value));
    }
    case 'prefix': {
      const { field, value: prefix } = filter;
      return (subject) => subject.values(field).some((value) => value.startsWith(prefix));
    }
    case 'exists': {
      const { field } = filter;
      return (subject) => subject.values(field).length > 0;
    }
    case 'cidr':
      return liesIn(filter.network);
    case 'time': {
      const { from = -Infinity, to = Infinity } = filter;
      return ({ fields }) => fields.eventTime >= from && fields.eventTime < to;
    }
    case 'words': {
      const { words } = filter;
      return (subject) => words.every((word) => subject.words().has(word));
    }
  }
}

function liesIn(network: string): Predicate {
  const range = parseNetwork(network);
  return (subject) => {
    const address = subject.address();
    return range !== undefined && address !== undefined && contains(range, address);
  };
}
