/**
 * Counts from which autonomous systems the packets to each port of a day came: from the log, once the day is closed. In the fold it
 * would be the largest table of all where a few wide scanners touch every port (a third more of state, a quarter more of processor
 * time), and nobody asks it of an open day.
 *
 * Exact for every port that is counted. A day counts its busiest ports, as many as `pairsMax` pairs of a port and an AS allow: a
 * port has no more of them than it has sources, and than the day has ASes. So memory is bounded before the first batch is read.
 */
import { type GeoTable, lookup4 } from '../../common/geo/table.ts';
import { freeMemory } from '../../common/memory.ts';
import type { Records } from '../../common/record/record.ts';
import type { LogReader } from '../log/reader.ts';
import { CellTable } from '../reduce/cells.ts';
import { COLUMNS, stretchMax } from '../reduce/columns.ts';
import { CELL_SETS, TARGET_BITS, TARGET_MASK } from '../reduce/day.ts';
import { place6 } from '../reduce/flows.ts';
import type { Row } from '../reduce/rows.ts';
import { Stretch } from '../reduce/stretch.ts';
import { DamagedBatch, isMisdated, openOrDamaged } from './batch.ts';

const { name } = COLUMNS;

/** Of a port and an AS: 40 bytes each while a day is counted, 3 when it is kept. */
const pairsMax = 1 << 20;

export interface AsnCountOptions {
  readonly reader: LogReader;
  readonly day: number;
  /** The last position of the log that counts. */
  readonly upTo: number;
  readonly geo: GeoTable;
  /** Sensors that the day is counted without. */
  readonly excluded: ReadonlySet<number>;
  /** The day's ports, most packets first. */
  readonly ports: readonly Row[];
  /** How many ASes the day has. */
  readonly asns: number;
}

/**
 * Counts a day, and yields how many records each batch had. Damaged batches are in no count. Returns the rows: target, ASN, packets;
 * undefined if the log has not all packets of each port.
 */
export function* countPortAsns(options: AsnCountOptions): Generator<number, Row[] | undefined> {
  const { reader, day, upTo, geo, excluded, ports, asns } = options;
  const counted = portsWithin(ports, asns, pairsMax);
  const counts = new PortAsns(
    geo,
    counted.map(({ a }) => a),
  );
  for (const logged of reader.ofDay(day, upTo, () => {})) {
    if (isMisdated(logged) || excluded.has(logged.sensor)) continue;
    const batch = openOrDamaged(logged);
    if (batch instanceof DamagedBatch) continue;
    const records = batch.records.count;
    counts.add(batch.records);
    freeMemory(batch.records.src.buffer as ArrayBuffer);
    yield records;
  }
  const rows = counts.rows();
  return agree(rows, counted) ? rows : undefined;
}

/** The first of these that come from so many ASes together at the most. */
export function portsWithin(ports: readonly Row[], asns: number, most: number): Row[] {
  let pairs = 0;
  const beyond = ports.findIndex(({ sources }) => {
    pairs += Math.min(sources, asns);
    return pairs > most;
  });
  return beyond < 0 ? [...ports] : ports.slice(0, beyond);
}

/** Whether the rows have all packets of these ports. */
function agree(rows: readonly Row[], ports: readonly Row[]): boolean {
  const sums = new Map<number, number>();
  for (const { a, packets } of rows) sums.set(a, (sums.get(a) ?? 0) + packets);
  return ports.every(({ a, packets }) => sums.get(a) === packets);
}

class PortAsns {
  readonly #geo: GeoTable;
  /** By target: 1 if it is counted. Of 16 MB the system gives memory to the pages touched. */
  readonly #isCounted = new Uint8Array(1 << TARGET_BITS);
  readonly #cells = new CellTable(CELL_SETS);
  readonly #stretch = new Stretch();

  constructor(geo: GeoTable, targets: readonly number[]) {
    this.#geo = geo;
    for (const target of targets) this.#isCounted[target] = 1;
  }

  add(records: Records): void {
    const { family, src } = records;
    const geo = this.#geo;
    for (let from = 0; from < records.count; from += stretchMax) {
      this.#stretch.take(records, from);
      for (let i = 0; i < this.#stretch.count; i++) {
        const target = name[i]! & TARGET_MASK;
        if (this.#isCounted[target] === 0) continue;
        const place = family === 4 ? lookup4(geo, src[from + i]!) : place6(geo, src, from + i);
        this.#cells.addPackets(this.#cells.row(target, geo.placeAsn[place]! | 0), 1);
      }
    }
  }

  rows(): Row[] {
    const cells = this.#cells;
    return Array.from({ length: cells.size }, (_, n) => ({
      a: cells.nameA(n),
      b: cells.nameB(n) >>> 0,
      packets: cells.packets(n),
      sources: 0,
      scanningSources: 0,
    }));
  }
}
