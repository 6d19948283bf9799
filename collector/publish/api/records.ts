/**
 * Raw records of a day, a page at a time, in the order of the log, through a view: those of sources in the view's scope, without
 * where they went and which sensor saw them; or those of the view's sensors, with both. `seqFold` is in neither: of a Mirai
 * probe it is the destination, folded. What a page costs is bounded by bytes looked at, so that it may have few rows, or none,
 * and yet another after it.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { type GeoTable, lookup4, lookup6 } from '../../../common/geo/table.ts';
import {
  formatAddress4,
  formatAddress6,
  type Prefix,
  parsePrefix,
  prefixMask,
} from '../../../common/record/address.ts';
import { CLASSES, classify, TOOLS } from '../../../common/record/classify.ts';
import { ICMP, ICMPV6, protocolName } from '../../../common/record/protocol.ts';
import type { Records } from '../../../common/record/record.ts';
import type { LoggedBatch } from '../../log/entry.ts';
import type { PickedBatch, Wanted } from '../../log/past.ts';
import type { ObservedTest } from '../../registry/observed.ts';
import { DamagedBatch, isMisdated, openOrDamaged } from '../../store/batch.ts';
import { countriesOfNetworks } from '../exports/countries.ts';
import type { SourcesView } from '../roles/roles.ts';
import type { DayLog } from './day-log.ts';
import type { Row } from './formats.ts';

export interface RecordsQuestion {
  readonly log: DayLog;
  readonly geo: GeoTable;
  readonly day: number;
  readonly from: RecordsCursor;
  readonly limit: number;
  readonly excluded: ReadonlySet<number>;
  readonly choice: RecordsChoice;
}

/** Either of sources, or of sensors by their index, with their names. */
export type RecordsChoice =
  /** `observed`: a source written there is forged, and would name a sensor; an admin, whose scope is null, sees it. */
  | { readonly of: 'sources'; readonly scope: SourcesView['scope']; readonly observed: ObservedTest }
  | { readonly of: 'sensors'; readonly sensors: ReadonlyMap<number, string> };

/** Where a page begins: the record of this number in the batch at this position of the log; and where the last one ends. */
export interface RecordsCursor {
  readonly position: number;
  readonly record: number;
  readonly upTo: number;
}

export interface RecordsPage {
  readonly rows: Row[];
  readonly next: RecordsCursor | undefined;
  /** Batches looked at that are damaged in the log: none of their records is told. */
  readonly damaged: number;
}

/** Of batches, as they travelled, looked at for a page: about a hundred of full ones, a millisecond or two each. */
const bytesMax = 16 * 2 ** 20;

export const cursorText = ({ position, record, upTo }: RecordsCursor): string => `${position}.${record}.${upTo}`;

/** Undefined if it is none. */
export function parseCursor(text: string): RecordsCursor | undefined {
  const [position, record, upTo] = /^(\d{1,15})\.(\d{1,9})\.(\d{1,15})$/.exec(text)?.slice(1).map(Number) ?? [];
  return position === undefined ? undefined : { position, record: record!, upTo: upTo! };
}

export async function recordsPage({
  log,
  geo,
  day,
  from,
  limit,
  excluded,
  choice,
}: RecordsQuestion): Promise<RecordsPage> {
  const rows: Row[] = [];
  const wanted = choice.of === 'sources' ? sourceTest(choice, geo) : undefined;
  let bytes = 0;
  let damaged = 0;
  for await (const logged of log.ofDay(day, from.position, from.upTo, () => damaged++, wantedOf(choice, geo))) {
    const { position, sensor } = logged;
    const start = position === from.position ? from.record : 0;
    if (bytes > bytesMax) return { rows, next: { ...from, position, record: 0 }, damaged };
    bytes += logged.bytes.length + ('picked' in logged ? logged.picked.records.src.buffer.byteLength : 0);
    if (isMisdated(logged) || excluded.has(sensor)) continue;
    if (choice.of === 'sensors' && !choice.sensors.has(sensor)) continue;
    const opened = openedOf(logged);
    if (opened === undefined) {
      damaged++;
      continue;
    }
    const { records, numbers } = opened;
    const told = choice.of === 'sensors' ? { sensor: choice.sensors.get(sensor)! } : undefined;
    for (let i = 0; i < records.count; i++) {
      const record = numbers?.[i] ?? i;
      if (record < start || (wanted !== undefined && !wanted(records, i))) continue;
      if (rows.length === limit) return { rows, next: { ...from, position, record }, damaged };
      rows.push(recordRow(records, i, geo, told));
    }
    await breathe(); // others are answered by the same thread
  }
  return { rows, next: undefined, damaged };
}

/** Undefined if it is damaged; the numbers are there where the records are not all. */
function openedOf(logged: LoggedBatch | PickedBatch): { records: Records; numbers?: Uint16Array } | undefined {
  if ('picked' in logged) return logged.picked;
  const batch = openOrDamaged(logged);
  return batch instanceof DamagedBatch ? undefined : { records: batch.records };
}

/** What the archive is to give, if it is not to give all. */
function wantedOf(choice: RecordsChoice, geo: GeoTable): Wanted | undefined {
  if (choice.of === 'sensors' || choice.scope === null) return undefined;
  const { countries, asns, prefixes } = choice.scope;
  const networks = { asns, prefixes: prefixes.map(parsePrefix), without: countries };
  return { geo: geo.sha256, countries: [...countries, ...countriesOfNetworks(networks, geo)] };
}

const placeOf = ({ family, src }: Records, i: number, geo: GeoTable): number =>
  family === 4 ? lookup4(geo, src[i]!) : lookup6(geo, src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);

/** Whether a record's source is in the scope; of none, whether anything is. */
function sourceTest(
  { scope, observed }: Extract<RecordsChoice, { of: 'sources' }>,
  geo: GeoTable,
): (records: Records, i: number) => boolean {
  if (scope === null) return () => true;
  const countries = new Set(scope.countries.map(code => geo.countries.indexOf(code)).filter(number => number >= 0));
  const asns = new Set(scope.asns);
  const places = Uint8Array.from(geo.placeCountry, (country, place) =>
    Number(countries.has(country) || asns.has(geo.placeAsn[place]!)),
  );
  const prefixes = scope.prefixes.map(parsePrefix);
  const isObserved = ({ family, src }: Records, i: number) =>
    family === 4
      ? observed.has4(src[i]!)
      : observed.has6(src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);
  return (records, i) =>
    (places[placeOf(records, i, geo)] === 1 || prefixes.some(prefix => isWithin(records, i, prefix))) &&
    !isObserved(records, i);
}

function isWithin({ family, src }: Records, i: number, prefix: Prefix): boolean {
  if (family !== prefix.family) return false;
  const { length: words } = prefix.words;
  return prefix.words.every((word, n) => ((src[words * i + n]! ^ word) & prefixMask(prefix.length, n)) === 0);
}

const addressOf = (family: 4 | 6, words: Uint32Array, i: number): string =>
  family === 4
    ? formatAddress4(words[i]!)
    : formatAddress6(words[4 * i]!, words[4 * i + 1]!, words[4 * i + 2]!, words[4 * i + 3]!);

function recordRow(records: Records, i: number, geo: GeoTable, told: { readonly sensor: string } | undefined): Row {
  const { family, src, dst, srcPort, dstPort, protocol, flags, length, window, tool, ttl } = records;
  const number = protocol[i]!;
  const hasType = number === ICMP || number === ICMPV6;
  const place = placeOf(records, i, geo);
  return {
    time: timeOf(records, i),
    source: addressOf(family, src, i),
    country: geo.countries[geo.placeCountry[place]!]!,
    asn: geo.placeAsn[place]!,
    protocol: protocolName(number),
    sourcePort: hasType ? null : srcPort[i]!,
    port: hasType ? null : dstPort[i]!,
    type: hasType ? srcPort[i]! : null,
    code: hasType ? dstPort[i]! : null,
    flags: flags[i]!,
    length: length[i]!,
    window: window[i]!,
    class: CLASSES[classify(number, flags[i]!, srcPort[i]!)]!,
    tools: TOOLS.filter((_, bit) => (tool[i]! >>> bit) & 1),
    // How far a source is from a sensor would tell where that is.
    ...(told !== undefined && { ...told, destination: addressOf(family, dst, i), ttl: ttl[i]! }),
  };
}

/** ISO 8601 with the microseconds that a Date does not have. */
function timeOf({ hour, time }: Records, i: number): string {
  const micros = time[i]!;
  const seconds = hour * 3600 + Math.floor(micros / 1e6);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(micros % 1e6).padStart(6, '0')}Z`;
}
