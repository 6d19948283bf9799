/** A week, a month or a quarter: ports and countries with their ranks, now and in the period before. */
import { countryName, sourcesText, targetLabel } from '../../publish/names.ts';
import { serviceName } from '../../publish/services.ts';
import { count, plural, share } from '../../publish/words.ts';
import { countryCode, dateOf, targetOf } from '../../reduce/result.ts';
import { type Period, periodOf, previousPeriod } from '../../store/periods.ts';
import type { StoreReader } from '../../store/query.ts';
import { type RankedRow, rankedRows } from '../../store/rollup.ts';
import { printLines, printTable } from '../registry.ts';
import type { ShowOptions } from './day.ts';

const textOf = ({ from, to }: Period): string => `${dateOf(from)} to ${dateOf(to)}`;

export function showPeriod(store: StoreReader, kind: Period['kind'], day: number, options: ShowOptions): void {
  const period = periodOf(kind, day);
  const [total] = rankedRows(store, period, 'total', options.choice);
  if (total === undefined) {
    printLines(`Nothing is counted of ${textOf(period)}.`);
    return;
  }
  const ranks = (table: 'ports' | 'countries') => rankedRows(store, period, table, options.choice);
  const label = (a: number) => targetLabel(targetOf(a));
  printLines(
    `${textOf(period)}: ${plural(total.packets, 'packet', 'packets')} from ${sourcesOf(total)}; ` +
      `"before" is ${textOf(previousPeriod(period))}`,
    '',
  );
  print('port', ranks('ports'), total.packets, options.top, a => `${label(a)} ${serviceName(targetOf(a))}`);
  printLines('');
  print('country', ranks('countries'), total.packets, options.top, a => {
    const code = countryCode(a);
    return `${code} ${countryName(code).en}`;
  });
}

/** Sources of the whole period, or, where these are not known, the sum of the days'. */
const sourcesOf = ({ sources, sourceDays }: RankedRow): string =>
  sources === null
    ? plural(sourceDays, 'source-day', 'source-days')
    : `${sourcesText(sources)} ${sources === 1 ? 'source' : 'sources'}`;

function print(head: string, rows: readonly RankedRow[], whole: number, top: number, name: (a: number) => string) {
  printTable(
    ['rank', 'before', head, 'packets', 'share', 'sources'],
    rows
      .slice(0, top)
      .map(row => [
        String(row.rank),
        row.previousRank === null ? 'new' : String(row.previousRank),
        name(row.a).trim(),
        count(row.packets),
        share(row.packets, whole),
        sourcesOf(row),
      ]),
  );
  if (rows.length > top) printLines(`and ${count(rows.length - top)} more`);
}
