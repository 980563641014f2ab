import type { EventFilter, FilterField } from '#domain/filter/filter';

/** A value of a field. */
export interface Term {
  readonly field: FilterField;
  readonly value: string;
}

/** Terms of which every event that fits has one, and how many events have them, as a guess to compare by. */
export interface RequiredTerms {
  readonly terms: readonly Term[];
  readonly commonness: number;
}

/** Guesses of how many in a thousand events share one value of the field. */
const COMMONNESS: Readonly<Record<FilterField, number>> = {
  eventId: 0,
  resourceArn: 1,
  resourceName: 1,
  accessKeyId: 2,
  principalArn: 3,
  username: 4,
  sourceIPAddress: 4,
  userAgent: 20,
  eventName: 30,
  errorCode: 30,
  resourceType: 60,
  eventSource: 90,
  region: 200,
  account: 200,
  category: 700,
  readOnly: 500,
};

/** The rarest terms that a filter cannot do without; undefined when there are none, such as for a prefix. */
export function requiredTerms(filter: EventFilter): RequiredTerms | undefined {
  switch (filter.kind) {
    case 'in': {
      const { field, values } = filter;
      const terms = values.map((value) => ({ field, value }));
      return { terms, commonness: COMMONNESS[field] * values.length };
    }
    case 'and':
      return rarest(filter.filters.map(requiredTerms));
    case 'or':
      return together(filter.filters.map(requiredTerms));
    default:
      return undefined;
  }
}

function rarest(parts: readonly (RequiredTerms | undefined)[]): RequiredTerms | undefined {
  const known = parts.filter((part) => part !== undefined);
  return known.toSorted((one, other) => one.commonness - other.commonness)[0];
}

/** Each branch needs terms of its own: an event that has none of them may fit a branch without. */
function together(parts: readonly (RequiredTerms | undefined)[]): RequiredTerms | undefined {
  const terms: Term[] = [];
  let commonness = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    terms.push(...part.terms);
    commonness += part.commonness;
  }
  return { terms, commonness };
}
