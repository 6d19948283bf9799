/**
 * Rows in their order as a table that DuckDB reads: it asks for rows, 2,048 at a time, and is given the next of them, gathered
 * into columns, an array's bytes copied into a vector as they lie. So what is written is in no table before.
 */
import assert from 'node:assert/strict';
import {
  BOOLEAN,
  type DuckDBConnection,
  DuckDBTableFunction,
  type DuckDBType,
  ENUM,
  TIMESTAMP,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
} from '@duckdb/node-api';
import duckdb, { type DataChunk } from '@duckdb/node-bindings';
import { HOUR_MICROS } from '../../common/time.ts';
import { COLUMNS, type ColumnName } from './layout.ts';
import { WIDE_WORDS } from './rows.ts';
import { STAGED_WORDS, type Staged } from './stage.ts';

/** What the table is called in a query. */
export const SCAN = 'scanned()';

/** Rows of a chunk: DuckDB's vector. */
const chunkRows = duckdb.vector_size();
const WORD = 2 ** 32;
const TYPES = { TIMESTAMP, UBIGINT, UINTEGER, USMALLINT, UTINYINT, BOOLEAN };
const OF_IPV4: ReadonlySet<ColumnName> = new Set(['src4', 'dst4']);
const OF_IPV6: ReadonlySet<ColumnName> = new Set(['src6_high', 'src6_low', 'dst6_high', 'dst6_low']);
/** The bits of a chunk none of whose rows has a value. */
const NONE = new Uint32Array(chunkRows / 32);

/** A chunk's columns; 64-bit values as pairs of words, the lower first. */
function createColumns(isWide: boolean) {
  const bytes = () => new Uint8Array(chunkRows);
  const halves = () => new Uint16Array(chunkRows);
  const words = () => new Uint32Array(chunkRows);
  const pairs = () => new Uint32Array(2 * chunkRows);
  return {
    country: isWide ? halves() : bytes(),
    time: pairs(),
    src4: words(),
    src6_high: pairs(),
    src6_low: pairs(),
    dst4: words(),
    dst6_high: pairs(),
    dst6_low: pairs(),
    src_port: halves(),
    dst_port: halves(),
    length: halves(),
    win: halves(),
    seq_fold: halves(),
    protocol: bytes(),
    flags: bytes(),
    ttl: bytes(),
    tool: bytes(),
    asn: words(),
    sensor: words(),
    received: pairs(),
    historic: bytes(),
    misdated: bytes(),
    batch: halves(),
    record: halves(),
  } satisfies Record<ColumnName, Uint8Array | Uint16Array | Uint32Array>;
}

type ChunkColumns = ReturnType<typeof createColumns>;

/** What each batch says of its rows, by the batch's number. */
interface ByBatch {
  readonly sensor: Uint32Array;
  /** When its hour began, and when it was received: microseconds since 1970, pairs of words. */
  readonly start: Uint32Array;
  readonly received: Uint32Array;
  /** 0 or 1. */
  readonly historic: Uint8Array;
  readonly misdated: Uint8Array;
  readonly isIpv6: Uint8Array;
}

/** The table of a connection's database: one file's rows at a time. */
export class ScanTable {
  #scan: Scan | undefined;
  #failure: unknown;

  constructor(connection: DuckDBConnection) {
    const typeOf = (type: (typeof COLUMNS)[number][1]): DuckDBType =>
      type === 'country' ? ENUM(this.#scan!.codes) : TYPES[type];
    const table = DuckDBTableFunction.create({
      name: SCAN.slice(0, -'()'.length),
      bindFunction: info => {
        for (const [name, type] of COLUMNS) info.addResultColumn(name, typeOf(type));
      },
      initFunction: info => info.setMaxThreads(1),
      mainFunction: (info, { chunk }) => {
        try {
          this.#scan!.fill(chunk);
        } catch (error) {
          this.#failure = error;
          info.setError('the rows cannot be given');
        }
      },
    });
    connection.registerTableFunction(table);
  }

  /** While `query` runs, the table has these rows. Throws what it throws. */
  async during(staged: Staged, query: () => Promise<unknown>): Promise<void> {
    assert(this.#scan === undefined);
    this.#scan = new Scan(staged);
    this.#failure = undefined;
    try {
      await query();
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      this.#scan = undefined;
    }
  }
}

class Scan {
  readonly codes: readonly string[];
  readonly #staged: Staged;
  readonly #byBatch: ByBatch;
  readonly #columns: ChunkColumns;
  /** Whether the rows say when they were received: those of a capture do not. */
  readonly #isReceived: boolean;
  #at = 0;
  /** A bit a row of the chunk: those of either family. */
  readonly #ipv4 = new Uint32Array(chunkRows / 32);
  readonly #ipv6 = new Uint32Array(chunkRows / 32);

  constructor(staged: Staged) {
    this.#staged = staged;
    this.codes = staged.codes;
    this.#byBatch = byBatch(staged);
    this.#columns = createColumns(staged.codes.length > 255); // as DuckDB keeps an ENUM of so many
    this.#isReceived = staged.batches.every(({ receivedMs }) => receivedMs !== null);
  }

  /** The next rows; none when all were given. */
  fill(chunk: DataChunk): void {
    const { rows, wide } = this.#staged;
    const { isIpv6 } = this.#byBatch;
    const columns = this.#columns;
    const order = this.#staged.order.subarray(this.#at, this.#at + chunkRows);
    const count = order.length;
    this.#at += count;
    duckdb.data_chunk_set_size(chunk, count);
    if (count === 0) return;
    gatherWords(rows, order, columns);
    gatherParts(rows, order, columns);
    spread(this.#byBatch, count, columns);
    const wideRows = wide === undefined ? 0 : markFamilies(isIpv6, columns.batch, count, this.#ipv4, this.#ipv6);
    if (wideRows > 0) gatherWide(wide!, isIpv6, count, columns);
    for (const [index, [name]] of COLUMNS.entries()) {
      const present = this.#present(name, count, wideRows);
      const vector = duckdb.data_chunk_get_vector(chunk, index);
      if (present !== NONE) duckdb.copy_data_to_vector(vector, 0, columns[name].buffer, 0, columns[name].byteLength);
      if (present !== undefined) {
        duckdb.vector_ensure_validity_writable(vector);
        duckdb.copy_data_to_vector_validity(vector, 0, present.buffer, 0, present.byteLength);
      }
    }
  }

  /** A bit a row that has a value; undefined if all have. */
  #present(name: ColumnName, count: number, wideRows: number): Uint32Array<ArrayBuffer> | undefined {
    if (name === 'received') return this.#isReceived ? undefined : NONE;
    if (OF_IPV6.has(name)) return wideRows === 0 ? NONE : this.#ipv6;
    if (OF_IPV4.has(name) && wideRows > 0) return wideRows === count ? NONE : this.#ipv4;
    return undefined;
  }
}

function byBatch({ batches }: Staged): ByBatch {
  const found: ByBatch = {
    sensor: new Uint32Array(batches.length),
    start: new Uint32Array(2 * batches.length),
    received: new Uint32Array(2 * batches.length),
    historic: new Uint8Array(batches.length),
    misdated: new Uint8Array(batches.length),
    isIpv6: new Uint8Array(batches.length),
  };
  batches.forEach(({ sensor, hour, receivedMs, historic, misdated, family }, n) => {
    found.sensor[n] = sensor;
    found.start.set(wordsOf(hour * HOUR_MICROS), 2 * n);
    found.received.set(wordsOf((receivedMs ?? 0) * 1000), 2 * n);
    found.historic[n] = historic ? 1 : 0;
    found.misdated[n] = misdated ? 1 : 0;
    found.isIpv6[n] = family === 6 ? 1 : 0;
  });
  return found;
}

const wordsOf = (micros: number): [number, number] => [micros % WORD, Math.floor(micros / WORD)];

/** What is a word of its own, and of the time what is within the hour. A row comes into the cache here. */
function gatherWords(rows: Uint32Array, order: Uint32Array, { src4, dst4, time, asn }: ChunkColumns): void {
  for (let i = 0; i < order.length; i++) {
    const at = STAGED_WORDS * order[i]!;
    src4[i] = rows[at]!;
    dst4[i] = rows[at + 1]!;
    time[2 * i] = rows[at + 2]!;
    asn[i] = rows[at + 8]!;
  }
}

/** What shares a word with others. */
function gatherParts(rows: Uint32Array, order: Uint32Array, columns: ChunkColumns): void {
  const { src_port, dst_port, length, win, seq_fold, record, protocol, flags, ttl, tool, batch, country } = columns;
  for (let i = 0; i < order.length; i++) {
    const at = STAGED_WORDS * order[i]!;
    const ports = rows[at + 3]!;
    const sizes = rows[at + 4]!;
    const folded = rows[at + 5]!;
    const bytes = rows[at + 6]!;
    const placed = rows[at + 7]!;
    src_port[i] = ports;
    dst_port[i] = ports >>> 16;
    length[i] = sizes;
    win[i] = sizes >>> 16;
    seq_fold[i] = folded;
    record[i] = folded >>> 16;
    protocol[i] = bytes;
    flags[i] = bytes >>> 8;
    ttl[i] = bytes >>> 16;
    tool[i] = bytes >>> 24;
    batch[i] = placed;
    country[i] = placed >>> 16;
  }
}

/** What is the same of all rows of a batch. */
function spread(by: ByBatch, count: number, columns: ChunkColumns): void {
  const { batch, time, sensor, received, historic, misdated } = columns;
  for (let i = 0; i < count; i++) {
    const n = batch[i]!;
    const low = by.start[2 * n]! + time[2 * i]!;
    time[2 * i] = low;
    time[2 * i + 1] = by.start[2 * n + 1]! + (low < WORD ? 0 : 1);
    sensor[i] = by.sensor[n]!;
    received[2 * i] = by.received[2 * n]!;
    received[2 * i + 1] = by.received[2 * n + 1]!;
    historic[i] = by.historic[n]!;
    misdated[i] = by.misdated[n]!;
  }
}

/** Sets a bit for each row of either family. Returns how many are of IPv6. */
function markFamilies(
  isIpv6: Uint8Array,
  batch: Uint16Array,
  count: number,
  ipv4: Uint32Array,
  ipv6: Uint32Array,
): number {
  ipv6.fill(0);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const bit = isIpv6[batch[i]!]!;
    found += bit;
    ipv6[i >>> 5] = ipv6[i >>> 5]! | (bit << (i & 31));
  }
  for (let n = 0; n < ipv4.length; n++) ipv4[n] = ~ipv6[n]!;
  return found;
}

/** Of rows of IPv6, whose place among the wide addresses lies where an IPv4 address would. */
function gatherWide(wide: Uint32Array, isIpv6: Uint8Array, count: number, columns: ChunkColumns): void {
  const { batch, src4 } = columns;
  const halves = [columns.src6_high, columns.src6_low, columns.dst6_high, columns.dst6_low];
  for (let i = 0; i < count; i++) {
    if (isIpv6[batch[i]!] === 0) continue;
    const at = WIDE_WORDS * src4[i]!;
    for (let half = 0; half < halves.length; half++) {
      halves[half]![2 * i] = wide[at + 2 * half + 1]!;
      halves[half]![2 * i + 1] = wide[at + 2 * half]!;
    }
  }
}
