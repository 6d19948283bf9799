/**
 * An open day as it is told: what a closed one keeps as rows, made from its state at one moment and packed the same way (packed.ts).
 * The largest day one meets, 10.6 million packets of 100 sensors, has 250 MB of state and 5 MB of this; it is answered from as fast as
 * a closed day, may be handed from thread to thread, and never changes.
 */
import { CellTable } from '../reduce/cells.ts';
import { decodeTable, encodeTable } from '../reduce/codec.ts';
import { type Day, TABLE_NAMES, TABLES, TARGET_MASK } from '../reduce/day.ts';
import type { SourceRow } from '../reduce/results.ts';
import {
  byPackets,
  type DayRows,
  dayRows,
  type Places,
  ROW_TABLES,
  type Row,
  type RowTable,
  sensorTotalRowsOf,
} from '../reduce/rows.ts';
import { busiest, countriesByCode, topPorts } from './closed-day.ts';
import { mostPacketsFirst, packRows, unpackRows } from './packed.ts';
import { STATES, type StateName } from './segments.ts';

/** What a day has come to. */
export interface DayNow {
  /** Days since 1970. */
  readonly day: number;
  readonly revision: number;
  /** Which log it is counted from, and by which rules and geography. */
  readonly by: string;
  readonly packets: number;
}

/** And until when it is counted. */
export interface Counted extends DayNow {
  /** Of the last batch of the log that is in the store. */
  readonly position: number;
  /** When the last batch of the day among them was received. */
  readonly untilMs: number;
}

/** Parts of a table, one after another. */
interface Packed {
  /** `a` of the first row of each part, ascending. */
  readonly firsts: Uint32Array<ArrayBuffer>;
  /** Where each part ends in the bytes. */
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface MadeDay extends Counted {
  readonly level: number;
  readonly tables: Readonly<Record<RowTable, Packed>>;
  /** Packets of the busiest ports of each sensor. */
  readonly sensorPorts: ReadonlyMap<number, Packed>;
  /** Distinct sources of each sensor. */
  readonly sensorSources: ReadonlyMap<number, number>;
  /** Sets of sources, as a closed day keeps them (segments.ts). */
  readonly sets: Readonly<Record<StateName, Uint8Array>>;
  readonly topSources: readonly SourceRow[];
}

/** What of a day's state is told. */
interface Told {
  /** Without what is counted of each sensor alone, but for its total. */
  readonly day: Day;
  /** Of that, packets of ports: cells as in day.ts, without sources. */
  readonly sensorPorts: CellTable;
}

const TOLD = TABLE_NAMES.filter(name => name === 'sensorTotal' || !name.startsWith('sensor'));

/** From the states whose merge it is; the first is changed. Most of a state is sets of sensors' sources: these are not merged. */
function toldOf(states: Iterable<Day>): Told | undefined {
  const sensorPorts = new CellTable(TABLES.sensorPorts);
  let day: Day | undefined;
  for (const state of states) {
    const { sensorPorts: ports } = state.tables;
    for (let n = 0; n < ports.size; n++)
      sensorPorts.addPackets(sensorPorts.row(ports.nameA(n), ports.nameB(n)), ports.packets(n));
    if (day === undefined) {
      day = state;
      for (const name of TABLE_NAMES) if (!TOLD.includes(name)) day.tables[name] = new CellTable(TABLES[name]);
      continue;
    }
    for (const name of TOLD) day.tables[name].merge(state.tables[name]);
    day.sources.merge(state.sources);
    state.free();
  }
  return day && { day, sensorPorts };
}

/** From the states whose merge it is (segments.ts); undefined if there are none. Throws what they throw. */
export function makeDay(states: Iterable<Day>, places: Places, counted: Counted): MadeDay | undefined {
  const told = toldOf(states);
  if (told === undefined) return undefined;
  const rows = dayRows(told.day, places);
  const { total, countries, ports, sensorTotal } = told.day.tables;
  return {
    ...counted,
    level: rows.level,
    tables: Object.fromEntries(ROW_TABLES.map(name => [name, pack(name, rows.rows(name))])) as MadeDay['tables'],
    sensorPorts: portsBySensor(told.sensorPorts),
    sensorSources: new Map(sensorTotalRowsOf(sensorTotal).map(({ b, sources }) => [b >>> 1, sources])),
    sets: {
      total: encodeTable(total),
      countries: encodeTable(countriesByCode(countries, places.countries)),
      ports: encodeTable(busiest(ports)),
    },
    topSources: rows.topSources(),
  };
}

/** Whether what was made is of this day still: of another revision, or with fewer packets, it is another. */
export const isOfDay = (made: DayNow, now: DayNow): boolean =>
  made.revision === now.revision && made.by === now.by && made.packets <= now.packets;

/** How much memory it takes, but for its busiest sources. */
export function bytesOf({ tables, sensorPorts, sets }: MadeDay): number {
  const packed = [...Object.values(tables), ...sensorPorts.values()];
  const arrays = [...packed.flatMap(({ firsts, ends, bytes }) => [firsts, ends, bytes]), ...Object.values(sets)];
  return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

export function madeRows({ day, level, tables, topSources }: MadeDay): DayRows {
  return {
    day,
    level,
    rows: (name, a) => unpack(name, tables[name], a),
    has: name => tables[name].bytes.length > 0,
    topSources: () => [...topSources],
  };
}

/** The busiest ports of a sensor, or one of them: packets alone. */
export const madePorts = ({ sensorPorts }: MadeDay, sensor: number, target?: number): Row[] => {
  const ports = sensorPorts.get(sensor);
  return ports === undefined ? [] : unpack('ports', ports, target);
};

export const madeSet = ({ sets }: MadeDay, name: StateName): CellTable => decodeTable(sets[name], STATES[name]);

function pack(table: RowTable, rows: readonly Row[]): Packed {
  const parts = packRows(table, rows);
  const ends = new Uint32Array(parts.length);
  let length = 0;
  for (const [n, { bytes }] of parts.entries()) {
    length += bytes.length;
    ends[n] = length;
  }
  const all = new Uint8Array(length);
  for (const [n, { bytes }] of parts.entries()) all.set(bytes, ends[n]! - bytes.length);
  return { firsts: Uint32Array.from(parts, ({ part }) => part), ends, bytes: all };
}

/** Most packets first. */
function unpack(table: RowTable, { firsts, ends, bytes }: Packed, a?: number): Row[] {
  const rows: Row[] = [];
  const only = a === undefined ? undefined : partOf(firsts, a);
  const [from, to] = only === undefined ? [0, firsts.length] : [Math.max(0, only), only + 1];
  for (let n = from; n < to; n++)
    unpackRows(table, { part: firsts[n]!, bytes: bytes.subarray(ends[n - 1] ?? 0, ends[n]) }, rows, a);
  return mostPacketsFirst(rows);
}

/** The part that a name would be in; -1 before the first. */
function partOf(firsts: Uint32Array, a: number): number {
  let [low, high] = [0, firsts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (firsts[middle]! <= a) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function portsBySensor(table: CellTable): Map<number, Packed> {
  const bySensor = new Map<number, Map<number, number>>();
  for (let n = 0; n < table.size; n++) {
    const sensor = table.nameB(n);
    const ports = bySensor.get(sensor) ?? new Map<number, number>();
    const target = table.nameA(n) & TARGET_MASK;
    bySensor.set(sensor, ports.set(target, (ports.get(target) ?? 0) + table.packets(n)));
  }
  const rowsOf = (ports: ReadonlyMap<number, number>) =>
    [...ports]
      .map(([a, packets]): Row => ({ a, b: 0, packets, sources: 0, scanningSources: 0 }))
      .sort(byPackets)
      .slice(0, topPorts);
  return new Map([...bySensor].map(([sensor, ports]) => [sensor, pack('ports', rowsOf(ports))]));
}
