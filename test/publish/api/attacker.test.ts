/**
 * Whoever sends marked probes to a network and reads what is public wants to know whether a sensor is there. Here one does, many
 * times: a network holds a sensor in half of the trials, at random; what the attacker sends is seen only if it does; the guess
 * is made from the figure of the flooded day against those of the days before.
 */
import { describe, expect, test } from 'vitest';
import { guardedCells, publishedRows, type SensorCell } from '../../../collector/publish/roles/guarded.ts';
import { PUBLIC_RULE, type PublicRule } from '../../../collector/publish/roles/roles.ts';
import { seeded } from '../../support/records.ts';

const SENSORS = 24;
const OWNERS = 6;
const TRIALS = 400;
const HISTORY = 20;
const OFF: PublicRule = { sensorsMin: 1, ownersMin: 1, lateDays: 0, digits: 9, rowsMax: 1000 };
/** A port that everybody scans, and one that nobody does. */
const BUSY = 23;
const QUIET = 50_123;

/** A day as each sensor saw it: sensors of unlike sizes, days that differ by a tenth or so. */
function day(random: (limit: number) => number): Map<number, SensorCell[]> {
  const weather = 90 + random(21);
  return new Map(
    Array.from({ length: SENSORS }, (_, sensor) => {
      const packets = Math.round(((400 + 60 * sensor) * weather * (90 + random(21))) / 10_000);
      return [sensor, [{ a: BUSY, b: 0, packets }]];
    }),
  );
}

/** What is published of the port; 0 where nothing is. */
function figure(parts: ReadonlyMap<number, readonly SensorCell[]>, port: number, rule: PublicRule): number {
  const cells = guardedCells(parts, sensor => `owner ${sensor % OWNERS}`, rule);
  return publishedRows(cells, rule).find(({ a }) => a === port)?.packets ?? 0;
}

/** What the figure of the flooded day is held against: the mean of the days before it, or the most. */
const STRATEGIES = {
  mean: (history: readonly number[]) => history.reduce((sum, one) => sum + one, 0) / history.length,
  most: (history: readonly number[]) => Math.max(...history),
};
type Strategy = keyof typeof STRATEGIES;

/** How often the attacker is right, who sends so many packets in a day, all to one network. */
function successes(strategy: Strategy, port: number, probes: number, rule: PublicRule, seed: number): number {
  const random = seeded(seed);
  let right = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const isThere = random(1000) < 500;
    const history = Array.from({ length: HISTORY }, () => figure(day(random), port, rule));
    const flooded = day(random);
    if (isThere) flooded.get(random(SENSORS))!.push({ a: port, b: 0, packets: probes });
    const joined = new Map([...flooded].map(([sensor, cells]) => [sensor, sums(cells)]));
    right += Number(figure(joined, port, rule) > STRATEGIES[strategy](history) === isThere);
  }
  return right / TRIALS;
}

const sums = (cells: readonly SensorCell[]): SensorCell[] =>
  [...Map.groupBy(cells, ({ a }) => a)].map(([a, same]) => ({
    ...{ a, b: 0 },
    packets: same.reduce((sum, { packets }) => sum + packets, 0),
  }));

/** Beyond 3.5 standard deviations of a coin in so many trials. */
const CHANCE = 0.5 + (3.5 * 0.5) / Math.sqrt(TRIALS);
/** Enough sensors and owners must be behind a cell, but one of them alone may make it what it is. */
const THRESHOLD_ALONE: PublicRule = { ...PUBLIC_RULE, sensorsMin: 1 };

describe.each([
  ['a port nobody scans', QUIET, 1000],
  ['a port everybody scans, as many as all sensors get', BUSY, 30_000],
  ['a port everybody scans, a flood', BUSY, 50_000_000],
])('marked probes to %s', (_, port, probes) => {
  test('find sensors where nothing is guarded', () => {
    expect(successes('most', port, probes, OFF, 7)).toBeGreaterThan(0.9);
    if (port === BUSY) expect(successes('most', port, probes, THRESHOLD_ALONE, 7)).toBeGreaterThan(0.9);
  });

  test.each(['mean', 'most'] as const)('find them no better than chance as published: against the %s', strategy => {
    expect(successes(strategy, port, probes, PUBLIC_RULE, 7)).toBeLessThan(CHANCE);
  });
});
