import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  valueFromASTUntyped,
} from 'graphql';
import { limitExceeded } from '#platform/graphql/document-shape';
import type { GraphqlLimits } from '#platform/graphql/limits';

/** An operation of a validated document, with the values that the caller gave. */
export interface CostedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A whole schema or one type, whatever is selected of it. */
const INTROSPECTION_COST: Readonly<Record<string, number>> = { __schema: 500, __type: 50, __typename: 0 };

export interface OperationCost {
  /** Objects that the answer may hold. */
  readonly cost: number;
  /** Why the operation is refused; empty when it is not. */
  readonly errors: readonly GraphQLError[];
}

/**
 * Refuses an operation whose answer could hold more objects than `limits.cost`, or that asks for a larger page
 * than `limits.pageSize`. Leaves are free; every object counts one, times the sizes of the lists around it: a
 * page counts its `first` or `last`, `_entities` its representations, any other list `limits.assumedListSize`.
 */
export function checkOperationCost(
  costed: CostedOperation,
  limits: Pick<GraphqlLimits, 'cost' | 'pageSize' | 'defaultPageSize' | 'assumedListSize'>,
): OperationCost {
  const { cost, overlongPages } = new CostCount(costed, limits).ofOperation();
  const errors = overlongPages.map(({ argument, size }) =>
    limitExceeded(`${argument} of at most ${limits.pageSize}`, size, argument),
  );
  if (cost > limits.cost) errors.push(limitExceeded(`a cost of at most ${limits.cost}`, cost));
  return { cost, errors };
}

interface OverlongPage {
  readonly argument: string;
  readonly size: number;
}

class CostCount {
  readonly #costed: CostedOperation;
  readonly #limits: Pick<GraphqlLimits, 'pageSize' | 'defaultPageSize' | 'assumedListSize'>;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  readonly #counted = new Map<string, number>();
  readonly #overlongPages: OverlongPage[] = [];

  constructor(
    costed: CostedOperation,
    limits: Pick<GraphqlLimits, 'pageSize' | 'defaultPageSize' | 'assumedListSize'>,
  ) {
    this.#costed = costed;
    this.#limits = limits;
    for (const definition of costed.document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION)
        this.#fragments.set(definition.name.value, definition);
    }
  }

  ofOperation(): { readonly cost: number; readonly overlongPages: readonly OverlongPage[] } {
    const { schema, operation } = this.#costed;
    const root = schema.getRootType(operation.operation) ?? undefined;
    const cost = this.#ofSet(operation.selectionSet, root, false);
    return { cost, overlongPages: this.#overlongPages };
  }

  /** `paged`: the parent is a page, whose size has been counted, so its own list (`edges`) counts once. */
  #ofSet(set: SelectionSetNode, parent: GraphQLNamedType | undefined, paged: boolean): number {
    let cost = 0;
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        cost += this.#ofField(node, parent, paged);
      } else if (node.kind === Kind.FRAGMENT_SPREAD) {
        cost += this.#ofFragment(node.name.value, paged);
      } else {
        const type = node.typeCondition ? this.#type(node.typeCondition.name.value) : parent;
        cost += this.#ofSet(node.selectionSet, type, paged);
      }
    }
    return cost;
  }

  #ofFragment(name: string, paged: boolean): number {
    const key = `${name}/${paged}`;
    const fragment = this.#fragments.get(name);
    const known = this.#counted.get(key);
    if (known !== undefined || !fragment) return known ?? 0;
    const cost = this.#ofSet(fragment.selectionSet, this.#type(fragment.typeCondition.name.value), paged);
    this.#counted.set(key, cost);
    return cost;
  }

  #ofField(node: FieldNode, parent: GraphQLNamedType | undefined, paged: boolean): number {
    const introspection = INTROSPECTION_COST[node.name.value];
    if (introspection !== undefined) return introspection;
    const field = fieldOf(parent, node.name.value);
    if (!field) return 0;
    const type = getNamedType(field.type);
    const isRoot = parent === this.#costed.schema.getRootType(this.#costed.operation.operation);
    if (!isCompositeType(type)) return isRoot ? 1 : 0;
    const pageSize = this.#pageSize(node, field);
    const below = node.selectionSet ? this.#ofSet(node.selectionSet, type, pageSize !== undefined) : 0;
    const isList = isListType(getNullableType(field.type));
    if (pageSize !== undefined && !isList) return 1 + pageSize * below;
    const size = isList ? (pageSize ?? (paged ? 1 : this.#limits.assumedListSize)) : 1;
    return size * (1 + below);
  }

  /** The number of items that the field's arguments ask for; undefined where they have no say in it. */
  #pageSize(node: FieldNode, field: GraphQLField<unknown, unknown>): number | undefined {
    const representations = this.#argument(node, field, 'representations');
    if (Array.isArray(representations)) return representations.length;
    const names = ['first', 'last'].filter((name) => field.args.some((argument) => argument.name === name));
    if (names.length === 0) return undefined;
    const asked = names.flatMap((argument) => {
      const size = this.#argument(node, field, argument);
      return typeof size === 'number' ? [{ argument, size: Math.max(0, size) }] : [];
    });
    this.#overlongPages.push(...asked.filter(({ size }) => size > this.#limits.pageSize));
    return asked.length === 0 ? this.#limits.defaultPageSize : Math.max(...asked.map(({ size }) => size));
  }

  #argument(node: FieldNode, field: GraphQLField<unknown, unknown>, name: string): unknown {
    const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
    if (!value) return field.args.find((argument) => argument.name === name)?.defaultValue;
    if (value.kind !== Kind.VARIABLE) return valueFromASTUntyped(value, { ...this.#costed.variables });
    const given = this.#costed.variables[value.name.value];
    if (given !== undefined) return given;
    const definition = this.#costed.operation.variableDefinitions?.find(
      ({ variable }) => variable.name.value === value.name.value,
    );
    return definition?.defaultValue && valueFromASTUntyped(definition.defaultValue);
  }

  #type(name: string): GraphQLNamedType | undefined {
    return this.#costed.schema.getType(name);
  }
}

function fieldOf(
  parent: GraphQLNamedType | undefined,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
}
