/** Keys by what they may do; `administratorOfOne` has one account, the others have all. */
export const KEY_KINDS = ['administrator', 'administratorOfOne', 'auditor', 'ingest'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

interface Who {
  readonly text: string;
  /** The weakest last: the example is run with its key. */
  readonly kinds: readonly KeyKind[];
}

/** Who may ask for a field of the API. */
export const WHO = {
  readers: {
    text: 'Administrators and auditors, for what they see.',
    kinds: ['administrator', 'administratorOfOne', 'auditor'],
  },
  recorders: {
    text: 'Administrators and ingest keys, for their accounts.',
    kinds: ['administrator', 'administratorOfOne', 'ingest'],
  },
  administrators: {
    text: 'Administrators, within their accounts.',
    kinds: ['administratorOfOne', 'administrator'],
  },
  installation: {
    text: 'Administrators of all accounts.',
    kinds: ['administrator'],
  },
} as const satisfies Record<string, Who>;

/** One working example of a field of Query, Mutation or Subscription: what docs/api.md shows of it. */
export interface ApiExample {
  readonly field: `${'query' | 'mutation' | 'subscription'} ${string}`;
  readonly who: keyof typeof WHO;
  readonly operation: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The answer's `data`, lists cut short; a text that ends with … is cut. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Why the acceptance test cannot run it: it is only held against the schema then. */
  readonly notRun?: string;
}

/**
 * Ids that the examples show. When they are run, what stands in their places in an answer is remembered and put
 * into the variables of the examples behind.
 */
export const IDS = {
  event: 'AAAAAAAAAAkAAAGcAAAAAA',
  apiKey: 'jyfb73x5atbtyfm3',
  alert: '0198e5a0-9c41-4be2-8d0a-6f3a51c7e208',
  delivery: '0198e5a4-20b7-4a6e-9c35-1f8b7d604e92',
  match: 'AAAAAAAAACkAAAGcAAAAAQ',
  newestMatch: 'AAAAAAAAADMAAAGcAAAAAQ',
  export: '0198e5a2-6f0c-4d5e-9a51-7d1f2c3b4a59',
  rebuild: '0198e5a9-11d2-4c0e-8f5b-2b9d64c1e7a0',
  erasure: '0198e5b0-5b7e-4f43-8a0e-90c1d5f3a672',
} as const;

/** Made by the example of `createAccount`, erased by that of `eraseAccount`. */
export const ACCOUNT = '123456789012';
