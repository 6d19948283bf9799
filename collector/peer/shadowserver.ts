/**
 * Reads Shadowserver's darknet events (event4_honeypot_darknet: a header, then a line an event, times in UTC without a zone) as
 * records, as if their packets had been captured. Columns go by the header's names. Countries and ASNs come from our own geography,
 * so that they compare with ours; src_geo and src_asn are not read, and dst_ip, if a file has it, is neither.
 *
 * An event counts as many packets as its `count` says. Of TCP the flags are not told: an event is taken for a SYN, unless its tag
 * says backscatter or other, as our own files do; of ICMP the type is in such a tag (icmp-8-0) or nowhere. An infection or a tag
 * mirai, zmap or masscan is taken for the tool's mark.
 */
import { type ByteSource, openSource } from '../../common/packet/source.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { MASSCAN, MIRAI, ZMAP } from '../../common/record/classify.ts';
import { DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from '../../common/record/protocol.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import { HOUR_MS } from '../../common/time.ts';
import { type CsvDamage, csvLines } from './csv.ts';

/** Why an event is no record. */
export type Reason = 'columns' | 'time' | 'source' | 'target' | 'count';

export interface Counted {
  readonly packets: number;
  readonly records: number;
  readonly skipped: Readonly<Partial<Record<Reason, number>>>;
  readonly damage?: CsvDamage;
}

/** One event stands for at most as many packets. */
const countMax = 100_000;
const blockRecords = 4096;
const WANTED = ['timestamp', 'protocol', 'src_ip', 'dst_port'] as const;
const PROTOCOLS: Readonly<Record<string, number>> = {
  ...{ tcp: TCP, udp: UDP, icmp: ICMP, icmpv6: ICMPV6, 'ipv6-icmp': ICMPV6, sctp: SCTP, dccp: DCCP, udplite: UDPLITE },
};
const FLAGS = { scan: 0x02, backscatter: 0x12, other: 0x10 } as const;
const MARKS: Readonly<Record<string, number>> = { mirai: MIRAI, zmap: ZMAP, masscan: MASSCAN };
const TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)?$/;
const chunkBytes = 1 << 18;

interface Event {
  readonly timeMs: number;
  readonly source: readonly number[];
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags: number;
  readonly tool: number;
  readonly count: number;
}

/**
 * Hands every event on in blocks of records, each within one hour, which are free again on return. An event later than `endMs`
 * is none. Throws what opening the file throws.
 */
export async function readShadowserver(
  file: string,
  endMs: number,
  fold: (records: Records) => void,
): Promise<Counted> {
  const blocks = { 4: new Block(4, fold), 6: new Block(6, fold) };
  const skipped: Partial<Record<Reason, number>> = {};
  let [packets, records] = [0, 0];
  let columns: Map<string, number> | undefined;
  const source = await openSource(file);
  const lines = csvLines(bytesOf(source));
  let damage: CsvDamage | undefined;
  for (let next = await lines.next(); ; next = await lines.next()) {
    if (next.done) {
      damage = next.value;
      break;
    }
    if (columns === undefined) {
      columns = new Map(
        next.value.map((name, n) => [
          name
            .replace(/^\ufeff/, '')
            .trim()
            .toLowerCase(),
          n,
        ]),
      );
      if (WANTED.every(name => columns!.has(name))) continue;
      damage = { offset: 0, reason: `its header lacks one of ${WANTED.join(', ')}` };
      break;
    }
    const event = eventOf(next.value, columns, endMs);
    const found = typeof event === 'string' ? 1 : event.count;
    packets += found;
    if (typeof event === 'string') skipped[event] = (skipped[event] ?? 0) + 1;
    else blocks[event.source.length === 1 ? 4 : 6].add(event);
    if (typeof event !== 'string') records += found;
  }
  for (const block of Object.values(blocks)) block.flush();
  if (damage !== undefined && source.compressed) damage = { ...damage, unpacked: true };
  return { packets, records, skipped, ...(damage !== undefined && { damage }) };
}

async function* bytesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  try {
    const chunk = new Uint8Array(chunkBytes);
    for (let bytes = await source.read(chunk); bytes > 0; bytes = await source.read(chunk))
      yield chunk.subarray(0, bytes);
  } finally {
    source.close();
  }
}

/** What a line says, or why it is no event. */
function eventOf(line: readonly string[], columns: ReadonlyMap<string, number>, endMs: number): Event | Reason {
  if (line.length !== columns.size) return 'columns';
  const cell = (name: string): string => line[columns.get(name) ?? -1] ?? '';
  const timeMs = timeOf(cell('timestamp'));
  if (timeMs === undefined || timeMs < 0 || timeMs > endMs) return 'time';
  const source = wordsOf(cell('src_ip'));
  if (source === undefined) return 'source';
  const words = cell('tag')
    .toLowerCase()
    .split(/[;,\s]+/);
  const target = targetOf(cell('protocol').toLowerCase(), cell('dst_port'), words);
  const srcPort = target?.type ?? portOf(cell('src_port') || '0');
  if (target === undefined || srcPort === undefined) return 'target';
  const count = cell('count') === '' ? 1 : Number(cell('count'));
  if (!Number.isInteger(count) || count < 1 || count > countMax) return 'count';
  const kind = words.includes('backscatter') ? 'backscatter' : words.includes('other') ? 'other' : 'scan';
  const marks = [cell('infection').toLowerCase(), ...words].reduce((bits, word) => bits | (MARKS[word] ?? 0), 0);
  const isTcp = target.protocol === TCP;
  return {
    ...{ timeMs, source, srcPort, count, protocol: target.protocol, dstPort: target.port },
    flags: isTcp ? FLAGS[kind] : 0,
    tool: isTcp && source.length === 1 ? marks : 0, // as a packet would show it
  };
}

function timeOf(text: string): number | undefined {
  const [, date, time] = TIME.exec(text) ?? [];
  const ms = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(ms)) return undefined;
  return new Date(ms).toISOString().startsWith(date!) ? ms : undefined; // not the 30th of February
}

/** One word of IPv4, four of IPv6. */
function wordsOf(text: string): readonly number[] | undefined {
  try {
    return text.includes('/') ? undefined : parsePrefix(text).words;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 0xffff ? port : undefined;
}

interface Target {
  readonly protocol: number;
  readonly port: number;
  /** Of ICMP, whose code is the port then. */
  readonly type?: number;
}

function targetOf(name: string, portText: string, tags: readonly string[]): Target | undefined {
  const protocol = Object.hasOwn(PROTOCOLS, name)
    ? PROTOCOLS[name]!
    : /^\d{1,3}$/.test(name)
      ? Number(name)
      : undefined;
  if (protocol === undefined || protocol > 255) return undefined;
  if (protocol === ICMP || protocol === ICMPV6) {
    const [, type, code] = tags.map(tag => /^icmp-(\d{1,3})-(\d{1,3})$/.exec(tag)).find(found => found !== null) ?? [];
    if (type === undefined || Number(type) > 255 || Number(code) > 255) return undefined;
    return { protocol, type: Number(type), port: Number(code) };
  }
  const hasPorts = Object.values(PROTOCOLS).includes(protocol);
  const port = portOf(portText === '' && !hasPorts ? '0' : portText);
  return port === undefined ? undefined : { protocol, port: hasPorts ? port : 0 };
}

/** Records that wait until there are enough of one hour. */
class Block {
  readonly #records: Records;
  readonly #fold: (records: Records) => void;

  constructor(family: 4 | 6, fold: (records: Records) => void) {
    this.#records = createRecords(family, blockRecords);
    this.#fold = fold;
  }

  add({ timeMs, source, count, protocol, srcPort, dstPort, flags, tool }: Event): void {
    const records = this.#records;
    const hour = Math.floor(timeMs / HOUR_MS);
    for (let n = 0; n < count; n++) {
      if (records.count === blockRecords || records.hour !== hour) this.flush();
      records.hour = hour;
      const i = records.count++;
      records.src.set(source, source.length * i);
      records.time[i] = 1000 * (timeMs - hour * HOUR_MS);
      records.protocol[i] = protocol;
      records.srcPort[i] = srcPort;
      records.dstPort[i] = dstPort;
      records.flags[i] = flags;
      records.tool[i] = tool;
    }
  }

  flush(): void {
    if (this.#records.count > 0) this.#fold(this.#records);
    this.#records.count = 0;
  }
}
