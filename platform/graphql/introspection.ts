import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

const SCHEMA_FIELDS: ReadonlySet<string> = new Set(['__schema', '__type']);

/** The operation asks for nothing but the schema (and `__typename`). */
export function isIntrospection(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  return [...rootFields(document, operation)].every((name) => name.startsWith('__'));
}

/** The operation asks for the schema and for data at once, or for the schema through a fragment. */
export function mixesIntrospection(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  const names = rootFields(document, operation);
  if (![...names].some((name) => SCHEMA_FIELDS.has(name))) return false;
  const direct = operation.selectionSet.selections.every(({ kind }) => kind === Kind.FIELD);
  return !direct || ![...names].every((name) => name.startsWith('__'));
}

function rootFields(document: DocumentNode, operation: OperationDefinitionNode): ReadonlySet<string> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const names = new Set<string>();
  const seen = new Set<string>();
  const visit = ({ selections }: SelectionSetNode): void => {
    for (const node of selections) {
      if (node.kind === Kind.FIELD) names.add(node.name.value);
      else if (node.kind === Kind.INLINE_FRAGMENT) visit(node.selectionSet);
      else if (!seen.has(node.name.value)) {
        seen.add(node.name.value);
        const fragment = fragments.get(node.name.value);
        if (fragment) visit(fragment.selectionSet);
      }
    }
  };
  visit(operation.selectionSet);
  return names;
}
