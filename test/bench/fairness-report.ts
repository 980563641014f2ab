import type { Fairness, Share } from '#test/bench/fairness';

/** One that floods does not slow another's p95 by more than half. */
const AIM = 1.5;

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The report's part on how much one account feels of another. */
export function renderFairness(fairness: readonly Fairness[]): string {
  return `## Fairness

One account asks for pages of 50 with \`raw\` at the gateway and records batches of 10 events, each twelve times a
second, alone and while another account floods from a process of lower priority on this machine, begun eight seconds
before: with the limits of a minute that a key has by default, and without any. Milliseconds, medians of the rounds;
the ratio is p95 flooded over p95 alone.

| limits | flood | what | alone p50 | alone p95 | p50 | p95 | ratio |
|---|---|---|---:|---:|---:|---:|---:|
${fairness.flatMap(rowsOf).join('\n')}
`;
}

export function missedFairness(fairness: readonly Fairness[]): string[] {
  const shipped = fairness.filter(({ limits }) => limits === 'as shipped');
  return shipped.flatMap(({ flood, pages, recording }) =>
    Object.entries({ pages, recording }).flatMap(([what, { ratio }]) =>
      ratio <= AIM ? [] : [`p95 of ${what} at most ${AIM} times as long under ${flood}: ${ratio.toFixed(1)}`],
    ),
  );
}

function rowsOf({ limits, flood, pages, recording }: Fairness): string[] {
  const shareRow = (what: string, { aloneP50, aloneP95, p50, p95, ratio }: Share): string =>
    row(limits, flood, what, ...[aloneP50, aloneP95, p50, p95].map((ms) => ms.toFixed(1)), ratio.toFixed(2));
  return [shareRow('pages', pages), shareRow('recording', recording)];
}
