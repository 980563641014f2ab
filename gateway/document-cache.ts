import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  parse,
  separateOperations,
  validate,
} from 'graphql';
import { checkDocumentShape } from '#platform/graphql/document-shape';
import { checkSourceDepth } from '#platform/graphql/source-depth';
import type { GraphqlLimits } from '#platform/graphql/limits';

/** A document that passed syntax, shape and validation, or why it did not. */
export type Prepared = Document | { readonly errors: readonly GraphQLError[] };

export interface Document {
  readonly document: DocumentNode;
  /** The same, one operation each: the planner looks at whole documents to tell introspection from data. */
  readonly operations: Readonly<Record<string, DocumentNode>>;
}

/** A document's tree takes some hundred bytes for each of its tokens; kept ones take 40 MB at the very most. */
const KEPT_CHARACTERS = 256 * 1024;

/**
 * Parses and validates once what clients send again and again. Yoga's own cache holds 1,024 documents of any
 * size, which one key could fill with gigabytes; this one counts characters, and keeps only valid documents.
 */
export class DocumentCache {
  readonly #limits: GraphqlLimits;
  readonly #kept = new Map<string, Document>();
  #characters = 0;

  constructor(limits: GraphqlLimits) {
    this.#limits = limits;
  }

  prepare(schema: GraphQLSchema, text: string): Prepared {
    const kept = this.#kept.get(text);
    if (kept) {
      // The order of a Map is the order of use: the first is the least recently used.
      this.#kept.delete(text);
      this.#kept.set(text, kept);
      return kept;
    }
    const prepared = this.#read(schema, text);
    if ('document' in prepared) this.#keep(text, prepared);
    return prepared;
  }

  #read(schema: GraphQLSchema, text: string): Prepared {
    const tooDeep = checkSourceDepth(text, this.#limits);
    if (tooDeep.length > 0) return { errors: tooDeep };
    try {
      const document = parse(text, { maxTokens: this.#limits.tokens });
      const tooMuch = checkDocumentShape(document, this.#limits);
      if (tooMuch.length > 0) return { errors: tooMuch };
      const invalid = validate(schema, document);
      if (invalid.length > 0)
        return { errors: invalid.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED')) };
      return { document, operations: separateOperations(document) };
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [coded(error, 'GRAPHQL_PARSE_FAILED')] };
      throw error;
    }
  }

  #keep(text: string, document: Document): void {
    if (text.length > KEPT_CHARACTERS / 8) return;
    this.#kept.set(text, document);
    this.#characters += text.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#characters <= KEPT_CHARACTERS) return;
      this.#kept.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

/** The caller's fault: 400 where the response's media type lets the status speak. */
function coded(error: GraphQLError, code: string): GraphQLError {
  error.extensions['code'] ??= code;
  error.extensions['http'] ??= { status: 400, spec: true };
  return error;
}
