import { type ExecutionResult, parse } from 'graphql';
import type { Principal } from '#domain/principal';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';

/** Runs an operation on a subgraph as this key. */
export function runAs(
  subgraph: Subgraph,
  principal: Principal,
  operation: { readonly text: string; readonly variables?: Record<string, unknown> | undefined },
): Promise<ExecutionResult> {
  return subgraph.execute({
    document: parse(operation.text),
    variables: operation.variables,
    caller: { principal, requestId: 'r1', clientAddress: undefined },
    signal: new AbortController().signal,
  });
}

/** The result as JSON would carry it; graphql-js builds on null prototypes. */
export function plain(result: ExecutionResult) {
  return {
    data: result.data === null || result.data === undefined ? null : structuredClone(result.data),
    codes: (result.errors ?? []).map(({ extensions }) => extensions['code']),
    messages: (result.errors ?? []).map(({ message }) => message),
  };
}
