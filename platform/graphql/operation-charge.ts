import { GraphQLError } from 'graphql';
import { type ExpectedError, isExpected } from '#platform/http/answers';

/** Takes the cost of an operation from what its caller may ask for; throws when that is used up. */
export type OperationCharge<Principal> = (principal: Principal, cost: number) => void;

/** The refusal of an operation that its caller cannot pay for: 429, and when to come again. */
export function chargeOperation<Principal>(
  charge: OperationCharge<Principal> | undefined,
  principal: Principal,
  cost: number,
): GraphQLError | undefined {
  try {
    charge?.(principal, cost);
    return undefined;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return refusedOperation(error);
  }
}

export function refusedOperation({
  code,
  message,
  retryAfter = 1,
}: Pick<ExpectedError, 'code' | 'message' | 'retryAfter'>): GraphQLError {
  return new GraphQLError(message, { extensions: { code, retryAfter, http: tooManyRequests(retryAfter) } });
}

/** For Yoga, which answers an error with what its extensions say. */
export function tooManyRequests(retryAfter: number): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
} {
  return { status: 429, headers: { 'retry-after': String(Math.ceil(retryAfter)) } };
}

/** Seconds, where an answer holds nothing but the word that there were too many requests. */
export function retryAfterOf(answer: {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[] | undefined;
}): number | undefined {
  if (answer.data !== null && answer.data !== undefined) return undefined;
  const refused = answer.errors?.find(({ extensions }) => extensions?.['code'] === 'TOO_MANY_REQUESTS');
  const seconds = refused?.extensions?.['retryAfter'];
  if (refused === undefined) return undefined;
  return typeof seconds === 'number' ? seconds : 1;
}
