/** What the packets to a port, or from a country, were, day by day: by class and by the marks of tools. */
import { setImmediate as breathe } from 'node:timers/promises';
import { HOUR_MS } from '../../../common/time.ts';
import { COUNTRY_KINDS, HOURS_PER_DAY, KINDS } from '../../reduce/day.ts';
import type { DayRange } from '../../store/query.ts';
import type { WholeView } from '../roles/roles.ts';
import { type Figures, shown } from './figures.ts';
import type { Row } from './formats.ts';
import { timeText } from './series.ts';

/** One port or one country, by its name and by its number (reduce/rows.ts). */
export interface Subject {
  readonly table: 'ports' | 'countries';
  readonly key: string;
  readonly a: number;
}

/** How a port and a country differ here. */
const HOW = {
  ports: { word: 'port', rows: 'portKinds', kinds: KINDS },
  countries: { word: 'country', rows: 'countryKinds', kinds: COUNTRY_KINDS },
} as const;

/** A row a day and kind; null where the day was counted before kinds were. Sources are told of a country alone. */
export async function kindRows(
  view: WholeView,
  figures: Figures,
  range: DayRange,
  { table, key, a }: Subject,
): Promise<Row[]> {
  const { word, rows: kindTable, kinds } = HOW[table];
  const rows: Row[] = [];
  for (const { day } of figures.days(view, range)) {
    const one = figures.day(view, day);
    if (one === undefined) continue;
    const found = one.rows(kindTable, a);
    const isCounted = found.length > 0 || one.rows(table, a).length === 0;
    for (const [n, kind] of kinds.entries()) {
      const figure = found.find(({ b }) => b === n) ?? { ...NOTHING, a, b: n };
      const { packets, sources, meanPerSensor } = shown(view, figure, one.total, one.coverage);
      rows.push({
        ...{ start: timeText(day * HOURS_PER_DAY * HOUR_MS), [word]: key, kind },
        packets: isCounted ? packets : null,
        ...(table === 'countries' && { sources: isCounted ? sources : null }),
        meanPerSensor: isCounted ? meanPerSensor : null,
      });
    }
    await breathe(); // others are answered by the same thread
  }
  return rows;
}

const NOTHING = { packets: 0, sources: 0, scanningSources: 0 };
