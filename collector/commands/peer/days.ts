/** `enaga peer days`: what a peer or an import says of its days, each figure with whose it is. */
import { toStdout } from '../../../common/stdout.ts';
import { importedResults } from '../../peer/imports.ts';
import { type Cell, type Peers, PeersError, type Source, type SourceDay } from '../../peer/peers.ts';
import { KEPT_TABLES } from '../../peer/schema.ts';
import { countryName, plainText, targetLabel } from '../../publish/names.ts';
import { count, share } from '../../publish/words.ts';
import { countryCode, dateOf, targetOf } from '../../reduce/result.ts';
import { jsonChunks } from '../../replay/json.ts';
import { isoTime, printJson, printLines, printTable } from '../registry.ts';

export interface DaysFlags {
  data: string;
  json: boolean;
  date?: number;
  top: number;
}

/** Throws `PeersError`. */
export async function showDays(peers: Peers, name: string, { json, date, top }: DaysFlags): Promise<void> {
  const source = peers.source(name);
  if (source === undefined) throw new PeersError(`no peer or import is called ${name}`);
  const days = date === undefined ? peers.days(source) : peers.days(source, date, date);
  if (days.length === 0) throw new PeersError(`nothing is kept of ${name}${date === undefined ? '' : ' of that day'}`);
  if (json && source.kind === 'import') return toStdout(jsonChunks(importedResults(peers, source, days)));
  if (json) printJson(days.map(day => dayJson(peers, source, day)));
  else if (date === undefined) listDays(days);
  else for (const day of days) showDay(peers, source, day, top);
  return undefined;
}

const sourcesText = (sources: number | null): string => (sources === null ? '–' : count(sources));
/** As /v1 gives them: six digits, or those that the public's have. */
const meanText = (mean: number | null): string =>
  mean === null ? '–' : mean >= 1000 ? count(mean) : String(Number(mean.toPrecision(6)));

const listDays = (days: readonly SourceDay[]): void =>
  printTable(
    ['day', 'revision', 'packets', 'sources', 'packets a sensor', 'figures', 'taken'],
    days.map(day => [
      ...[dateOf(day.day), String(day.revision), count(day.packets), sourcesText(day.sources)],
      ...[meanText(day.meanPerSensor), day.guarded ? 'rounded' : 'whole', isoTime(day.takenMs)],
    ]),
  );

function showDay(peers: Peers, source: Source, day: SourceDay, top: number): void {
  const { geo, guarded, packets, revision, takenMs } = day;
  const whose = source.kind === 'import' ? 'counted here from files of another system' : `as ${source.name} says`;
  const cut = guarded ? '; rounded, its top rows alone' : '';
  printLines(
    `${source.name}, ${dateOf(day.day)}, revision ${revision}: ${count(packets)} packets (${whose}${cut})`,
    `taken ${isoTime(takenMs)}; countries: ${plainText(geo.name)}, built ${plainText(geo.built)}`,
  );
  for (const [table, title, label] of [
    ['ports', 'port', ({ a }: Cell) => targetLabel(targetOf(a))],
    ['countries', 'country', ({ a }: Cell) => `${countryCode(a)} ${countryName(countryCode(a)).en}`],
  ] as const) {
    const found = peers.table(source, day.day, table);
    if (found === undefined) continue;
    printLines('');
    printTable(
      [title, 'packets', 'share', 'packets a sensor', 'sources'],
      found.cells
        .slice(0, top)
        .map(cell => [
          ...[label(cell), count(cell.packets), share(cell.share, 1)],
          ...[meanText(cell.meanPerSensor), sourcesText(cell.sources)],
        ]),
    );
  }
}

const dayJson = (peers: Peers, source: Source, { day, takenMs, ...rest }: SourceDay) => ({
  ...{ peer: source.name, date: dateOf(day), ...rest, taken: isoTime(takenMs) },
  ...Object.fromEntries(
    KEPT_TABLES.flatMap(name => {
      const table = peers.table(source, day, name);
      if (table === undefined) return [];
      const rows = table.cells.map(({ a, b, ...figures }) => ({ ...nameOf(name, a, b), ...figures }));
      return [[name, { complete: table.complete, rows }]];
    }),
  ),
});

function nameOf(table: string, a: number, b: number) {
  if (table === 'ports') return targetOf(a);
  return table === 'countries' ? { country: countryCode(a) } : { ...targetOf(b), country: countryCode(a) };
}
