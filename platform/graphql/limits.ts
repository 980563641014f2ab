/** What one request to a GraphQL door may ask for. Every door of the house holds the same limits. */
export interface GraphqlLimits {
  /** Bytes of a request's body. */
  readonly bodyBytes: number;
  /** Operations sent together as one JSON array. */
  readonly batch: number;
  /** Lexical tokens of a document. */
  readonly tokens: number;
  /** Fields below one another. */
  readonly depth: number;
  /** Lists and objects within one another in a variable. */
  readonly variablesDepth: number;
  /** Aliases, fragments counted as often as they are spread. */
  readonly aliases: number;
  /** Applied directives, fragments counted as often as they are spread. */
  readonly directives: number;
  /** Objects that an answer may hold, estimated by `operationCost`. */
  readonly cost: number;
  /** The largest `first` or `last`. */
  readonly pageSize: number;
  /** The page that a caller gets who names no size. */
  readonly defaultPageSize: number;
  /** Objects that a list without `first` or `last` is taken to hold. */
  readonly assumedListSize: number;
  /** Milliseconds that a body may take to come in, and then again that one operation may run. */
  readonly timeoutMs: number;
}

export const DEFAULT_LIMITS: GraphqlLimits = {
  // recordEvents: 100 events, 1 MB together, with room for JSON's escapes around JSON
  bodyBytes: 4 * 1024 * 1024,
  batch: 10,
  tokens: 2_000,
  // graphql-js's own introspection query is 15 deep
  depth: 15,
  // ten levels of a filter are twenty lists and objects
  variablesDepth: 32,
  aliases: 30,
  directives: 30,
  cost: 1_100,
  pageSize: 500,
  defaultPageSize: 50,
  assumedListSize: 10,
  timeoutMs: 30_000,
};
