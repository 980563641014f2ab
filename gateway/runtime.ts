import {
  type GatewayRuntime,
  Logger,
  type LogLevel,
  createGatewayRuntime,
} from '@graphql-hive/gateway-runtime';
import { unifiedGraphHandler } from '@graphql-hive/router-runtime';
import type { ExecutionResult, Executor } from '@graphql-tools/utils';
import type { ExecutionResult as GraphqlResult } from 'graphql';
import { shareOf } from '#domain/principal';
import { composeSupergraph } from '#gateway/compose';
import { doorContext } from '#gateway/operation-context';
import { type GuardParts, useOperationGuard } from '#gateway/operation-guard';
import type { GatewaySubgraph } from '#gateway/subgraph';
import type { ErrorLog } from '#platform/graphql/present-error';
import type { Telemetry } from '#platform/telemetry';

export interface RuntimeParts extends GuardParts {
  readonly subgraphs: readonly GatewaySubgraph[];
  readonly telemetry?: Pick<Telemetry, 'span'> | undefined;
}

/** Hive's gateway with the Rust planner over subgraphs of this process: no HTTP between them. */
export function createRuntime({ subgraphs, telemetry, ...guard }: RuntimeParts): GatewayRuntime {
  const { limits, slices, log } = guard;
  const executors = new Map(
    subgraphs.map((subgraph) => [subgraph.name.toUpperCase(), executorOf(subgraph, { slices, telemetry })]),
  );
  return withoutSignalHandlers(() =>
    createGatewayRuntime({
      supergraph: composeSupergraph(subgraphs).supergraph,
      unifiedGraphHandler,
      transports: () => ({
        getSubgraphExecutor({ subgraphName }) {
          const executor = executors.get(subgraphName.toUpperCase());
          if (!executor)
            throw new Error(`The supergraph names a subgraph that is not here: ${subgraphName}.`);
          return executor;
        },
      }),
      plugins: () => [useOperationGuard(guard)],
      batching: { limit: limits.batch },
      logging: hiveLogger(log),
      // useOperationGuard presents errors: it knows what a subgraph has already masked.
      maskedErrors: false,
      subgraphErrors: false,
      // The door does these for all of its answers.
      requestId: false,
      cors: false,
      graphiql: false,
      landingPage: false,
    }),
  );
}

function executorOf(
  subgraph: GatewaySubgraph,
  { slices, telemetry }: Pick<RuntimeParts, 'slices' | 'telemetry'>,
): Executor {
  return async (request) => {
    const { caller, left, signal } = doorContext(request.context);
    const execute = (): Promise<GraphqlResult> =>
      subgraph.execute({
        document: request.document,
        variables: request.variables,
        operationName: request.operationName,
        caller,
        signal: signal ?? left,
      });
    const attributes = { 'graphql.operation.type': request.operationType ?? 'query' };
    const result = await (telemetry
      ? telemetry.span(`subgraph ${subgraph.name}`, attributes, execute)
      : execute());
    // What the planner makes of a large result is a piece of work of its own.
    await slices?.next(shareOf(caller.principal));
    // An executor promises its caller's type of data, which only the planner knows.
    return result as ExecutionResult<never, never>;
  };
}

const LEVELS: ReadonlySet<LogLevel> = new Set(['warn', 'error']);

function hiveLogger(log: ErrorLog): Logger {
  return new Logger({
    level: 'warn',
    writers: [
      {
        write(level, attributes, message) {
          if (LEVELS.has(level)) log.error({ hive: attributes }, message ?? 'gateway');
        },
      },
    ],
  });
}

/**
 * Hive disposes itself on SIGINT and SIGTERM, which would end requests in flight before the process's own
 * ordered shutdown has drained them. Its listeners go; `dispose()` is called by whoever made the gateway.
 */
function withoutSignalHandlers<T>(create: () => T): T {
  const events = ['SIGINT', 'SIGTERM', 'exit'] as const;
  const before = events.map((event) => new Set(process.listeners(event as 'SIGINT')));
  const created = create();
  events.forEach((event, index) => {
    for (const listener of process.listeners(event as 'SIGINT')) {
      if (!before[index]?.has(listener)) process.removeListener(event, listener);
    }
  });
  return created;
}
