import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crashCycle, removeCycle, type CycleReport } from '#test/soak/crash-cycle';
import { Alerted } from '#test/witnesses/alerted';
import { Exporter } from '#test/witnesses/exporter';
import { Follower } from '#test/witnesses/follower';

/** Five processes begin ten times each; what a killed worker was sending is sent again after two minutes. */
const TIMEOUT_MS = 900_000;

describe('a platform that is killed ten times under load', () => {
  let report: CycleReport;
  const lines: string[] = [];
  const follower = new Follower();
  const exporter = new Exporter();
  const alerted = new Alerted();

  beforeAll(async () => {
    report = await crashCycle({
      kills: 10,
      seed: 4,
      say: (line) => lines.push(line),
      witnesses: [follower, exporter, alerted],
    });
  }, TIMEOUT_MS);
  afterAll(() => removeCycle(report));

  it('has every acknowledged event, once, as it was sent', () => {
    const { lost, twice, altered, unknown } = report;
    expect({ lost, twice, altered, unknown }).toEqual({ lost: [], twice: [], altered: [], unknown: [] });
    expect(report.acknowledged).toBeGreaterThan(1_000);
    expect(lines).toHaveLength(10);
  });

  it('was hit while it worked', () => {
    expect(report.sentAgain).toBeGreaterThan(0);
  });

  it('told followers and alerts every event once, in order, and finished every file that was begun', () => {
    expect(report.witnessed).toEqual([]);
    expect(follower.streams).toBeGreaterThan(4);
    expect(exporter.taken).toBeGreaterThan(1);
    expect(exporter.interrupted).toBeGreaterThan(0);
    expect(alerted.raised).toBeGreaterThan(20);
  });

  it('has counted every event that came in, and gave positions without a gap', () => {
    const { received, accepted, duplicate, conflict, refused } = report.counters;
    expect(received).toBe(accepted + duplicate + conflict + refused);
    expect(accepted).toBe(report.acknowledged);
    expect(report.position).toBe(report.acknowledged + report.own.accepted);
  });

  it('has told of its own ends, each once', () => {
    const { accepted, found, conflict, refused } = report.own;
    // Each kill costs at least one process its end, which the next one tells with its own start.
    expect(accepted).toBeGreaterThan(2 * lines.length);
    expect({ found, conflict, refused }).toEqual({ found: accepted, conflict: 0, refused: 0 });
  });

  it('passes cairn verify', () => {
    expect(report.verify).toMatchObject({ code: 0 });
  });
});
