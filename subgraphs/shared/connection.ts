import 'reflect-metadata';
import { ArgsType, type ClassType, Directive, Field, Int, ObjectType } from 'type-graphql';
import { CairnError } from '#domain/errors';

/**
 * Relay's cursor connections (https://relay.dev/graphql/connections.htm). A list field takes `PageArgs`, calls
 * `pageOf(args, ...)`, and answers with a class made by `connectionOf`.
 */
@Directive('@shareable')
@ObjectType({ description: 'Where a page of a connection lies within the whole list.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'There is more after this page, in the direction of the list.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'There is more before this page.' })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description:
      'Cursor of the first item; pass it as `before` to get the page before. Null on an empty page.',
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the last item; pass it as `after` to get the next page. Null on an empty page.',
  })
  endCursor!: string | null;
}

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    description: 'How many items, from the start of the list or after `after`.',
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'Only items after this cursor (with `first`).' })
  after?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'How many items, back from the end of the list or from `before`.',
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: 'Only items before this cursor (with `last`).' })
  before?: string | null;
}

/** What a page asks for, checked. */
export interface Page {
  readonly direction: 'forward' | 'backward';
  readonly size: number;
  /** Where the page starts, exclusive; undefined = at the list's end that the direction starts from. */
  readonly cursor: string | undefined;
}

/** Longer cursors are none of ours. */
const MAX_CURSOR_LENGTH = 512;

/**
 * Checks Relay's arguments. INVALID_ARGUMENT with the argument's name for both directions at once, a negative
 * size, or `after` with `last`; LIMIT_EXCEEDED above `max`; INVALID_CURSOR for an empty or overlong cursor.
 */
export function pageOf(args: PageArgs, sizes: { readonly default: number; readonly max: number }): Page {
  const backward = given(args.last) || given(args.before);
  if (backward && (given(args.first) || given(args.after))) {
    const path = given(args.first) ? 'first' : 'after';
    throw new CairnError('INVALID_ARGUMENT', 'Give first and after, or last and before, not both.', { path });
  }
  const [sizeName, cursorName] = backward ? (['last', 'before'] as const) : (['first', 'after'] as const);
  const size = args[sizeName] ?? sizes.default;
  if (size < 0) {
    throw new CairnError('INVALID_ARGUMENT', `${sizeName} must not be negative.`, { path: sizeName });
  }
  if (size > sizes.max) {
    throw new CairnError('LIMIT_EXCEEDED', `${sizeName} must be at most ${sizes.max}.`, { path: sizeName });
  }
  const cursor = args[cursorName] ?? undefined;
  if (cursor !== undefined && (cursor === '' || cursor.length > MAX_CURSOR_LENGTH)) {
    throw new CairnError('INVALID_CURSOR', `${cursorName} is not a cursor of this list.`, {
      path: cursorName,
    });
  }
  return { direction: backward ? 'backward' : 'forward', size, cursor };
}

function given<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

export interface EdgeOf<Node> {
  node: Node;
  cursor: string;
}

export interface ConnectionOf<Node> {
  edges: EdgeOf<Node>[];
  pageInfo: PageInfo;
}

/** The class `<name>Edge`; hand it on to `connectionOf`. */
export function edgeOf<Node extends object>(node: ClassType<Node>, name: string): ClassType<EdgeOf<Node>> {
  @ObjectType(`${name}Edge`, { description: `One item of a ${name}Connection, with its cursor.` })
  class Edge implements EdgeOf<Node> {
    @Field(() => node, { description: 'The item.' })
    node!: Node;

    @Field(() => String, {
      description: 'The place of the item in the list; opaque, stable while the list grows.',
    })
    cursor!: string;
  }
  return Edge;
}

/** The abstract base of a connection: `@ObjectType() class EventConnection extends connectionOf(EventEdge) {}`. */
export function connectionOf<Node extends object>(
  edge: ClassType<EdgeOf<Node>>,
): abstract new () => ConnectionOf<Node> {
  @ObjectType()
  abstract class Connection implements ConnectionOf<Node> {
    @Field(() => [edge], { description: 'The items of this page, in the order of the list.' })
    edges!: EdgeOf<Node>[];

    @Field(() => PageInfo, { description: 'Where this page lies within the list.' })
    pageInfo!: PageInfo;
  }
  return Connection;
}

/** What a store found for a page: one item more than asked for tells that there is more. */
export interface Found<Node> {
  readonly page: Page;
  /** In the order of the list, whatever the page's direction; at most `page.size`. */
  readonly nodes: readonly Node[];
  /** There is more in the page's direction. */
  readonly more: boolean;
  readonly cursorOf: (node: Node) => string;
}

/** Puts edges and page info around what was found. */
export function toConnection<Node>({ page, nodes, more, cursorOf }: Found<Node>): ConnectionOf<Node> {
  const edges = nodes.map((node) => ({ node, cursor: cursorOf(node) }));
  const forward = page.direction === 'forward';
  return {
    edges,
    pageInfo: {
      hasNextPage: forward ? more : page.cursor !== undefined,
      hasPreviousPage: forward ? page.cursor !== undefined : more,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
