import { describe, expect, test } from 'vitest';
import { low4 } from '../../collector/reduce/hash.ts';
import { Reducer } from '../../collector/reduce/reducer.ts';
import { dayResult } from '../../collector/reduce/rows.ts';
import { SOURCE } from '../../collector/reduce/sources.ts';
import { DAY, foldAll, GEO, manySources, type PlainRecord, seeded, shuffled } from '../support/records.ts';

const SOURCES = 3000;
const SYN: PlainRecord = {
  sensor: 0,
  family: 4,
  hour: DAY * 24,
  time: 5,
  src: [0x01000000],
  dst: [0xc0000201],
  protocol: 6,
  srcPort: 1024,
  dstPort: 23,
  flags: 2,
  window: 65535,
  seqFold: 0,
  tool: 0,
};
const MIRAI = 1;
const NMAP = { window: 1024, tool: 0, dstPort: 80 };

/**
 * Every source sends a plain SYN; a third of them two with Mirai's mark as well, another third one only; every tenth is Nmap,
 * with 1 of its 3 candidates to another target.
 */
const traffic = manySources({ one: SYN, count: SOURCES }).flatMap((one, i) => [
  one,
  ...Array.from({ length: 2 - (i % 3) }, () => ({ ...one, tool: MIRAI })),
  ...(i % 10 === 0
    ? [
        { ...one, ...NMAP },
        { ...one, ...NMAP },
        { ...one, ...NMAP, dstPort: 443 },
      ]
    : []),
]);

function reduced(sourcesMax: number, seed: number) {
  const random = seeded(seed);
  const hashKey = { low: random(2 ** 32), high: random(2 ** 32) };
  const reducer = new Reducer({ geo: GEO, hashKey, tableSeed: 1, sourcesMax });
  foldAll(reducer, shuffled(traffic, random));
  const [day] = reducer.days();
  return {
    day: day!,
    result: dayResult(day!, GEO),
    lows: manySources({ one: SYN, count: SOURCES }).map(({ src }) => low4(hashKey, src[0]!) >>> 0),
  };
}

describe('more sources than are kept', () => {
  test('are those whose key is below a bound, the highest of its kind that they fit in', () => {
    for (const [seed, sourcesMax] of [16, 17, 100, 1000, 2999].entries()) {
      const { day, lows } = reduced(sourcesMax, seed);
      const { sources } = day;
      const below = (level: number) => lows.filter(low => low < 2 ** (32 - level));
      expect(below(sources.level).length).toBeLessThanOrEqual(sourcesMax);
      expect(below(sources.level - 1).length).toBeGreaterThan(sourcesMax);
      const kept = Array.from({ length: sources.count }, (_, n) => sources.address(n * SOURCE.WORDS)[3]!);
      const expected = lows
        .map((low, i) => [low, 0x01000000 + i] as const)
        .filter(([low]) => low < 2 ** (32 - sources.level));
      expect(kept.sort((a, b) => a - b)).toEqual(expected.map(([, address]) => address));
    }
  });

  test('say so by the share that is kept; as many as are kept do not', () => {
    const { day, result } = reduced(100, 1);
    expect(result.sample).toBe(1 / 2 ** day.sources.level);
    expect(result.sample).toBeLessThanOrEqual((100 / SOURCES) * 2);
    expect(result.topSources).toHaveLength(day.sources.count);
    expect(reduced(SOURCES, 1).result).not.toHaveProperty('sample');
    expect(reduced(SOURCES, 1).day.sources.level).toBe(0);
  });

  test('leave every other figure as it is', () => {
    const all = reduced(SOURCES, 1).result;
    const { result } = reduced(16, 1);
    for (const key of [
      'packets',
      'sources',
      'scanningSources',
      'ports',
      'countries',
      'classes',
      'hours',
      'networks',
    ] as const)
      expect(result[key]).toEqual(all[key]);
    expect(result.portCountries()).toEqual(all.portCountries());
    const packets = (rows: readonly { packets: number }[]) =>
      rows.map(({ sources: _, ...row }: Record<string, unknown>) => row);
    expect(packets(result.countryAsns().map(({ scanningSources: _, ...row }) => row))).toEqual(
      packets(all.countryAsns().map(({ scanningSources: _, ...row }) => row)),
    );
    const marked = ({ kind }: { kind: string }) => kind !== 'nmap'; // its packets are those of confirmed sources
    expect(packets(result.countryKinds().filter(marked))).toEqual(packets(all.countryKinds().filter(marked)));
    expect(result.tools.mirai.packets).toBe(SOURCES);
  });

  test('are exact as far as they are kept: packets, targets, times', () => {
    const { result } = reduced(16, 1);
    for (const row of result.topSources) {
      const own = traffic.filter(({ src }) => `1.0.${(src[0]! >>> 8) & 255}.${src[0]! & 255}` === row.address);
      expect([row.packets, row.ports]).toEqual([own.length, new Set(own.map(({ dstPort }) => dstPort)).size]);
    }
  });

  test('count tools without bias: scaled by the sample, the mean of many hash keys is the truth', () => {
    const truth = reduced(SOURCES, 1).result.tools;
    const [asn] = reduced(SOURCES, 1).result.countryAsns();
    expect(asn).toMatchObject({ country: 'JP', asn: 64_496, sources: SOURCES, scanningSources: SOURCES });
    expect([truth.mirai.sources, truth.nmap.sources, truth.nmap.packets]).toEqual([1000, 300, 900]);
    const runs = 60;
    const sum = { mirai: 0, nmap: 0, nmapPackets: 0, ofAs: 0 };
    for (let seed = 0; seed < runs; seed++) {
      const { day, result } = reduced(256, 100 + seed);
      const scale = 2 ** day.sources.level;
      expect(scale).toBeGreaterThanOrEqual(16);
      expect(result.tools.mirai.sources % scale).toBe(0);
      sum.mirai += result.tools.mirai.sources / runs;
      sum.nmap += result.tools.nmap.sources / runs;
      sum.nmapPackets += result.tools.nmap.packets / runs;
      sum.ofAs += result.countryAsns()[0]!.sources / runs;
      // All senders are of one country.
      const [mirai, nmap] = (['mirai', 'nmap'] as const).map(tool => {
        const { country: _, kind: _k, ...count } = result.countryKinds().find(({ kind }) => kind === tool)!;
        return count;
      });
      expect([mirai, nmap]).toEqual([result.tools.mirai, result.tools.nmap]);
    }
    // Standard deviation of a run: sqrt(n * 15); of the mean of 60 less by 7.7; four of those.
    expect(Math.abs(sum.mirai - 1000)).toBeLessThan((4 * Math.sqrt(1000 * 15)) / Math.sqrt(runs));
    expect(Math.abs(sum.ofAs - SOURCES)).toBeLessThan((4 * Math.sqrt(SOURCES * 15)) / Math.sqrt(runs));
    expect(Math.abs(sum.nmap - 300)).toBeLessThan((4 * Math.sqrt(300 * 15)) / Math.sqrt(runs));
    expect(Math.abs(sum.nmapPackets - 900)).toBeLessThan((3 * 4 * Math.sqrt(300 * 15)) / Math.sqrt(runs));
  });
});
