import {
  type DocumentNode,
  type ExecutionResult,
  Kind,
  type OperationDefinitionNode,
  print,
  visit,
} from 'graphql';

/** Selections that the result of one message is kept for; subscribers of one program ask for the same. */
const SELECTIONS = 8;

/**
 * Results of messages that go to many subscribers, made once for all who select the same. Only for fields that say
 * the same to everybody who is told.
 */
export class SharedResults {
  readonly #byMessage = new WeakMap<object, Map<string, Promise<ExecutionResult>>>();

  /** Makes the result, or gives the one made for another subscriber; those with errors are nobody else's. */
  async of(
    message: object,
    selection: string,
    make: () => Promise<ExecutionResult>,
  ): Promise<ExecutionResult> {
    const made = this.#byMessage.get(message) ?? new Map<string, Promise<ExecutionResult>>();
    this.#byMessage.set(message, made);
    const known = made.get(selection);
    if (known === undefined) {
      const result = make();
      if (made.size < SELECTIONS) made.set(selection, result);
      return result;
    }
    const result = await known;
    return result.errors ? make() : result;
  }
}

/** What names a selection; undefined when values of the caller's have a say in it, beside the root field's arguments. */
export function selectionOf(document: DocumentNode, operation: OperationDefinitionNode): string | undefined {
  const [root] = operation.selectionSet.selections;
  const inArguments = new Set(root?.kind === Kind.FIELD ? root.arguments : []);
  const declared = new Set(operation.variableDefinitions);
  let isOwn = false;
  visit(document, {
    Argument: (node) => (inArguments.has(node) ? false : undefined),
    VariableDefinition: (node) => (declared.has(node) ? false : undefined),
    Variable: () => {
      isOwn = true;
    },
  });
  return isOwn ? undefined : `${operation.name?.value ?? ''}\n${print(document)}`;
}

/** The messages as results. */
export function mapMessages(
  source: AsyncIterable<unknown>,
  run: (message: unknown) => Promise<ExecutionResult>,
): AsyncIterableIterator<ExecutionResult> {
  const messages = source[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await messages.next();
      return done === true ? { done: true, value: undefined } : { done: false, value: await run(value) };
    },
    async return() {
      await messages.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
