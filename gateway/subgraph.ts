import type { DocumentNode, ExecutionResult } from 'graphql';
import type { Caller } from '#domain/caller';
import type { ResultStream } from '#platform/graphql/streams/result-stream';

/** A subgraph as the gateway meets it: a schema to compose and someone who runs operations on it. */
export interface GatewaySubgraph {
  readonly name: string;
  /** Federation SDL, the same that is committed in gateway/schema. */
  readonly sdl: string;
  /** The errors of the result may be shown to the caller as they are. */
  execute(request: SubgraphRequest): Promise<ExecutionResult>;
  /** The same for subscriptions; undefined where the subgraph has none. */
  readonly subscribe?: ((request: SubgraphRequest) => Promise<ResultStream | ExecutionResult>) | undefined;
}

export interface SubgraphRequest {
  readonly document: DocumentNode;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly operationName?: string | undefined;
  readonly caller: Caller;
  readonly signal: AbortSignal;
}
