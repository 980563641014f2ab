import { composeServices } from '@theguild/federation-composition';
import { buildASTSchema, lexicographicSortSchema, parse, printSchema } from 'graphql';

/** Federation 2 SDL of one subgraph. */
export interface SubgraphSdl {
  readonly name: string;
  readonly sdl: string;
}

export interface Supergraph {
  /** What the gateway plans with: federation's join specification included. */
  readonly supergraph: string;
  /** What callers see. */
  readonly api: string;
}

/** Where a subgraph lies, for the supergraph's file. The process that holds both never goes there. */
function addressOf(name: string): string {
  return `http://${name}.cairn.internal/subgraphs/${name}/graphql`;
}

/** Composes in the order of names, so that the same subgraphs always give the same text. Throws what does not fit. */
export function composeSupergraph(subgraphs: readonly SubgraphSdl[]): Supergraph {
  const services = subgraphs
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sdl }) => ({ name, url: addressOf(name), typeDefs: parse(sdl, { noLocation: true }) }));
  const result = composeServices(services);
  if (result.errors) {
    const reasons = result.errors.map(
      ({ message, extensions }) => `${String(extensions['code'])}: ${message}`,
    );
    throw new Error(`The subgraphs do not compose:\n${reasons.join('\n')}`);
  }
  const api = lexicographicSortSchema(buildASTSchema(result.publicDocumentNode, { assumeValidSDL: true }));
  return { supergraph: ended(result.supergraphSdl), api: ended(printSchema(api)) };
}

function ended(text: string): string {
  return `${text.trimEnd()}\n`;
}
