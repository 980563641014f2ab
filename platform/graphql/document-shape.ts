import {
  type DocumentNode,
  GraphQLError,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { GraphqlLimits } from '#platform/graphql/limits';

interface Shape {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
}

const FLAT: Shape = { depth: 0, aliases: 0, directives: 0 };

/**
 * Refuses documents whose form alone is too much, before validation: some of its rules compare every pair of
 * fields. Each fragment is measured once, so a chain of fragments that would unfold to millions costs nothing.
 */
export function checkDocumentShape(
  document: DocumentNode,
  limits: Pick<GraphqlLimits, 'depth' | 'aliases' | 'directives' | 'variablesDepth'>,
): readonly GraphQLError[] {
  if (isNestedDeeper(document, limits.variablesDepth)) {
    return [limitExceeded(`values nested ${limits.variablesDepth} levels deep`, 'more')];
  }
  const measure = measurer(document);
  const errors: GraphQLError[] = [];
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const shape = measure(definition.selectionSet);
    const found = { ...shape, directives: shape.directives + (definition.directives?.length ?? 0) };
    for (const name of ['depth', 'aliases', 'directives'] as const) {
      if (found[name] > limits[name])
        errors.push(limitExceeded(`${name} of at most ${limits[name]}`, found[name]));
    }
  }
  return errors;
}

/** LIMIT_EXCEEDED, answered with 400 where the response's media type lets the status speak. */
export function limitExceeded(limit: string, found: number | 'more', argument?: string): GraphQLError {
  return new GraphQLError(`An operation may have ${limit}; this one has ${found}.`, {
    extensions: {
      code: 'LIMIT_EXCEEDED',
      ...(argument === undefined ? {} : { argument }),
      http: { status: 400, spec: true },
    },
  });
}

/** Values and types as they stand in the document; the planner's parser would give up on what is deeper still. */
function isNestedDeeper(document: DocumentNode, limit: number): boolean {
  let depth = 0;
  let deepest = 0;
  const level = {
    enter(): void {
      depth += 1;
      deepest = Math.max(deepest, depth);
    },
    leave(): void {
      depth -= 1;
    },
  };
  visit(document, { ListValue: level, ObjectValue: level, ListType: level });
  return deepest > limit;
}

function measurer(document: DocumentNode): (set: SelectionSetNode | undefined) => Shape {
  const fragments = new Map<string, SelectionSetNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition.selectionSet);
  }
  const measured = new Map<string, Shape>();

  function ofSet(set: SelectionSetNode | undefined): Shape {
    return (set?.selections ?? []).map(ofSelection).reduce(beside, FLAT);
  }

  function ofSelection(node: SelectionNode): Shape {
    const own = { depth: 0, aliases: 0, directives: node.directives?.length ?? 0 };
    switch (node.kind) {
      case Kind.FIELD: {
        const below = ofSet(node.selectionSet);
        const field = { ...own, aliases: node.alias ? 1 : 0 };
        return { ...beside(field, below), depth: below.depth + 1 };
      }
      case Kind.INLINE_FRAGMENT:
        return beside(own, ofSet(node.selectionSet));
      case Kind.FRAGMENT_SPREAD:
        return beside(own, ofFragment(node.name.value));
    }
  }

  function ofFragment(name: string): Shape {
    const known = measured.get(name);
    if (known) return known;
    // Ends a circle; validation refuses it.
    measured.set(name, FLAT);
    const shape = ofSet(fragments.get(name));
    measured.set(name, shape);
    return shape;
  }

  return ofSet;
}

function beside(a: Shape, b: Shape): Shape {
  return {
    depth: Math.max(a.depth, b.depth),
    aliases: a.aliases + b.aliases,
    directives: a.directives + b.directives,
  };
}
