/** A page of a Relay connection. */
export interface PageOf<Node> {
  readonly edges: readonly { readonly node: Node }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Every node of a connection, page after page. */
export async function* allPages<Node>(
  read: (after: string | null) => Promise<PageOf<Node>>,
): AsyncGenerator<Node> {
  let after: string | null = null;
  do {
    const page: PageOf<Node> = await read(after);
    for (const { node } of page.edges) yield node;
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
}
