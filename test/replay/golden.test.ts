/**
 * Golden pairs: `fixtures/captures/NAME` beside `NAME.expected.json`, which tshark made and not our code (fixtures/oracle.ts).
 * A pair that is added is a test that is added.
 */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../../collector/reduce/day.ts';
import type { PortKindRow } from '../../collector/reduce/results.ts';
import { writeJson } from '../../collector/replay/json.ts';
import { replay } from '../../collector/replay/replay.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { capture, captures } from '../support/enaga.ts';

interface Expected {
  /** `--network CIDR` pairs. */
  options?: string[];
  exitCode?: number;
  error?: { offset: number };
  expect: Record<string, unknown>;
}

const SUFFIX = '.expected.json';
const expectations = fs.readdirSync(captures).filter(name => name.endsWith(SUFFIX));
const kinds: readonly string[] = KINDS;
/** As expectations have it. */
const withoutZeros = (row: PortKindRow) =>
  Object.fromEntries(Object.entries(row).filter(([name, value]) => !kinds.includes(name) || value !== 0));
/** The capture of an expectation: the same name with any ending a capture has. */
const captureOf = (expectation: string): string => {
  const name = expectation.slice(0, -SUFFIX.length);
  const found = fs
    .readdirSync(captures)
    .find(file => file !== expectation && file.replace(/\.pcap(ng)?(\.gz|\.zst)?$/, '') === name);
  if (found === undefined) throw new Error(`${expectation} has no capture`);
  return capture(found);
};

describe('replay agrees with tshark on', () => {
  it('at least sixty captures', () => expect(expectations.length).toBeGreaterThanOrEqual(60));

  it.each(expectations)('%s', async expectation => {
    const {
      options = [],
      exitCode = 0,
      error,
      expect: expected,
    }: Expected = JSON.parse(fs.readFileSync(capture(expectation), 'utf8'));
    const { results, failures } = await replay({
      captures: [captureOf(expectation)],
      networks: options.filter(option => option !== '--network').map(parsePrefix),
      geo: loadGeo(),
      threads: 1,
      distinct: true,
    });
    const actual = JSON.parse(writeJson(results));
    for (const [n, day] of results.days.entries()) {
      actual.days[n].portKinds = day.portKinds().map(withoutZeros);
      actual.days[n].countryKinds = day.countryKinds();
    }
    expect(Object.keys(expected).length).toBeGreaterThan(0);
    expect(onlyKeysOf(expected, actual)).toEqual(expected);
    expect(failures.length > 0 ? 3 : 0).toBe(exitCode);
    if (error !== undefined) expect(failures[0]?.offset).toBe(error.offset);
  });
});

/** The actual value without what the expectation does not speak of: whole tables of a day, never parts of a row. */
function onlyKeysOf(expected: Record<string, unknown>, actual: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]) => {
      const found = actual[key];
      if (key !== 'days' || !Array.isArray(value) || !Array.isArray(found)) return [key, found];
      return [key, found.map((day, i) => (value[i] === undefined ? day : onlyKeysOf(value[i], day)))];
    }),
  );
}
