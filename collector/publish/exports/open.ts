/** A counted day's rows for one country, as they leave: by the API and by what is pushed, so that both send the same bytes. */
import { parsePrefix } from '../../../common/record/address.ts';
import type { LogReader } from '../../log/reader.ts';
import type { MemberScope } from '../../registry/members.ts';
import { observedBy } from '../../registry/observed.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Geographies } from '../../store/geography.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { contentsMs, type DaySource, dayRows } from './day-rows.ts';
import { type Meta, NETWORKS, type Sender } from './meta.ts';
import type { Class, Rows, Selection } from './row.ts';

/** Backscatter comes from victims of floods, so it is no scan. */
const EXPORTED: ReadonlySet<Class> = new Set(['scan', 'other']);

export interface ExportPowers {
  readonly reader: LogReader;
  readonly geographies: Geographies;
  readonly registry: Pick<Registry, 'placements' | 'exclusionChangedMs'>;
}

/** What of a day is exported: scans from a country; or, with `NETWORKS`, from a member's networks elsewhere. */
export interface Cut {
  readonly country: string;
  readonly member?: string;
  readonly networks?: { readonly asns: readonly number[]; readonly prefixes: readonly string[] };
  /** With networks: countries that have files of their own. */
  readonly without?: readonly string[];
}

/** The parts of what a member may read of: a country each, and its networks. */
export const cutsOf = ({ organisation, countries, asns, prefixes }: MemberScope & { organisation: string }): Cut[] => [
  ...countries.map(country => ({ country })),
  ...(asns.length + prefixes.length === 0
    ? []
    : [{ country: NETWORKS, member: organisation, networks: { asns, prefixes }, without: countries }]),
];

function selectionOf({ country, networks, without = [] }: Cut): Selection {
  if (networks === undefined) return { country, classes: EXPORTED };
  const { asns, prefixes } = networks;
  return { country, networks: { asns, prefixes: prefixes.map(parsePrefix), without }, classes: EXPORTED };
}

export interface OpenedExport {
  readonly rows: Rows;
  readonly meta: Meta;
  /** 0 of a closed day, whose rows are told by the revision; else the last position of the log that counts. */
  readonly upTo: number;
}

/**
 * Days that a file can be had of, ascending: those with records, and those of which every sensor was left out since. Whoever has a
 * file of such a day is to have an empty one in its place.
 */
export function daysWithFiles(store: StoreReader, range: DayRange): DayHead[] {
  const days = store.daysWithRecords(range);
  const without = store.emptiedDays(range);
  if (without.length === 0) return days;
  const leftOut = store.leftOut(range);
  return [...days, ...without.filter(({ day }) => leftOut.has(day))].sort((x, y) => x.day - y.day);
}
type DayHead = ReturnType<StoreReader['daysWithRecords']>[number];

/** Undefined if the store has nothing of the day. The rows are read as they are asked for. */
export function openExport(
  { reader, geographies, registry }: ExportPowers,
  store: StoreReader,
  { day, cut, sender }: { readonly day: number; readonly cut: Cut; readonly sender: Sender },
): OpenedExport | undefined {
  const [head] = daysWithFiles(store, { from: day, to: day });
  if (head === undefined) return undefined;
  const upTo = store.position()!.position;
  const observed = observedBy(registry.placements());
  const source: DaySource = { reader, day, upTo, excluded: new Set(store.excludedOn(day)), observed };
  const geo = geographies.named(store.geoOf(day)!);
  const generatedMs = generatedMsOf(store, registry, day);
  const { country, member } = cut;
  const meta: Meta = {
    day,
    country,
    revision: head.revision,
    generatedMs,
    ...sender,
    ...(member !== undefined && { member }),
  };
  const rows = dayRows(source, geo, selectionOf(cut), () => '');
  return { rows, meta, upTo: head.closed && !head.stale ? 0 : upTo };
}

/** From when what is exported of a day is, milliseconds since 1970. */
export const generatedMsOf = (store: StoreReader, registry: ExportPowers['registry'], day: number): number =>
  Math.max(contentsMs(day, lastReceived(store, day)), registry.exclusionChangedMs(day));

/** The same as a pass over the day's batches would find, without the pass. */
const lastReceived = (store: StoreReader, day: number) => ({
  lastReceivedMs: store.database.prepare('SELECT changed_ms FROM days WHERE day = ?').pluck().get(day) as number,
  firstPosition: 0,
});
