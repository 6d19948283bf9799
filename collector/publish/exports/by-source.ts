/**
 * Rows put together by source, for formats that would have an object a packet otherwise. Memory is bounded: when `targetsMax`
 * pairs of source and target are held, what is held is given as one part and the next part begins from nothing. So a source
 * may be in several parts, each with its own packets; together they have each packet once.
 */
import type { Class, Row, Rows, Tool } from './row.ts';

export interface TargetSum {
  readonly protocol: number;
  readonly port: number | null;
  readonly type: number | null;
  readonly code: number | null;
  packets: number;
  firstUs: number;
  lastUs: number;
}

export interface SourceSum {
  readonly source: string;
  readonly family: 4 | 6;
  readonly asn: number;
  packets: number;
  firstUs: number;
  lastUs: number;
  /** Without doubles: there are three classes and four tools. */
  readonly classes: Class[];
  readonly tools: Tool[];
  /** By protocol and port, or type and code, in the order they came. */
  readonly targets: Map<number, TargetSum>;
}

/** Pairs of source and target held at once: 55 MB where each source has but one target (measured), less elsewhere. */
export const targetsMax = 65_536;

/** Parts, in the order of their sources' first rows. A part is emptied when the next one is asked for. */
export async function* bySource(rows: Rows, max = targetsMax): AsyncGenerator<SourceSum[]> {
  let sources = new Map<string, SourceSum>();
  let targets = 0;
  for await (const block of rows) {
    for (const row of block) {
      targets += add(sources, row);
      if (targets < max) continue;
      const part = [...sources.values()];
      sources = new Map();
      targets = 0;
      yield part;
      part.length = 0; // whoever had it may hold it until the next is there
    }
  }
  if (sources.size > 0) yield [...sources.values()];
}

/** Returns how many targets are new, 0 or 1. */
function add(sources: Map<string, SourceSum>, row: Row): number {
  let sum = sources.get(row.source);
  if (sum === undefined) {
    sum = newSource(row);
    sources.set(row.source, sum);
  }
  count(sum, row.timeUs);
  if (!sum.classes.includes(row.class)) sum.classes.push(row.class);
  for (const tool of row.tools) if (!sum.tools.includes(tool)) sum.tools.push(tool);
  const { protocol, port, type, code, timeUs } = row;
  const key = protocol * 0x10000 + (port ?? (type === null ? 0 : type * 256 + code!));
  const target = sum.targets.get(key);
  if (target !== undefined) {
    count(target, timeUs);
    return 0;
  }
  sum.targets.set(key, { protocol, port, type, code, packets: 1, firstUs: timeUs, lastUs: timeUs });
  return 1;
}

const newSource = ({ source, family, asn, timeUs }: Row): SourceSum => ({
  source,
  family,
  asn,
  packets: 0,
  firstUs: timeUs,
  lastUs: timeUs,
  classes: [],
  tools: [],
  targets: new Map(),
});

/** Rows come in the order of the log, not of time. */
function count(sum: { packets: number; firstUs: number; lastUs: number }, timeUs: number): void {
  sum.packets++;
  if (timeUs < sum.firstUs) sum.firstUs = timeUs;
  if (timeUs > sum.lastUs) sum.lastUs = timeUs;
}
