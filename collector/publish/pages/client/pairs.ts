/** The other side of a port or a country: countries that called the port, ports that the country called. */
import { DAY_MS } from '../../../../common/time.ts';
import type { Timeline } from '../../series.ts';
import { count, share } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { labelWords, OTHER } from './common.ts';
import { h, say } from './dom.ts';
import { figure } from './figure.ts';
import { heatFigure } from './heat.ts';
import { type CountryKeys, type Figures, keyOf, type SubjectTable, type TargetKeys } from './rows.ts';
import { datesText, type ServiceOf } from './sentences.ts';
import { subjectLink } from './tables.ts';
import { chartSeriesMax } from './trends.ts';
import { daysBefore, msOf, type WindowName } from './windows.ts';

/** Whole days that it is shown of: /v1 gives so many of a table at once. */
const DAYS = { week: 7, month: 30, quarter: 30, year: 30 } as const;
const rowsMax = 12;

type PairRow = Figures & TargetKeys & CountryKeys & { readonly date: string };

/** One of the other side, with its days. */
interface Side {
  readonly key: string;
  readonly packets: number;
  readonly byDay: ReadonlyMap<string, PairRow>;
}

export interface Pairs {
  /** Days that were counted, ascending. */
  readonly days: readonly string[];
  /** Most packets first. */
  readonly sides: readonly Side[];
}

export const otherOf = (table: SubjectTable): SubjectTable => (table === 'ports' ? 'countries' : 'ports');

/** Of the days up to one that is over. */
export async function pairsOf(
  table: SubjectTable,
  key: string,
  window: WindowName,
  to: string,
  signal: AbortSignal,
): Promise<Pairs> {
  const range = `${daysBefore(to, DAYS[window] - 1)}:${to}`;
  const chosen = table === 'ports' ? { port: key } : { country: key };
  const answer = ask<PairRow, { days: readonly { date: string }[] }>(`/v1/days/${range}/port-countries`, chosen, {
    signal,
  });
  const { rows, days } = await orNone(answer, { rows: [], days: [] });
  const groups = Map.groupBy(rows, row => (table === 'ports' ? row.country : keyOf({ ...row, country: undefined })));
  const sides = [...groups].map(([name, list]) => ({
    key: name,
    packets: list.reduce((sum, row) => sum + row.packets, 0),
    byDay: new Map(list.map(row => [row.date, row])),
  }));
  return {
    days: days.map(({ date }) => date).sort(),
    sides: sides.sort((a, b) => b.packets - a.packets || (a.key < b.key ? -1 : 1)),
  };
}

export function sidesFigure(table: SubjectTable, { days, sides }: Pairs, source: string): HTMLElement | undefined {
  if (sides.length === 0) return undefined;
  const other = otherOf(table);
  const meanOf = (side: Side, date: string) => side.byDay.get(date)?.meanPerSensor ?? 0;
  const [first, rest] = [sides.slice(0, chartSeriesMax), sides.slice(chartSeriesMax)];
  const series = first.map(side => ({
    key: side.key,
    label: labelWords(other, side.key),
    values: days.map(date => meanOf(side, date)),
  }));
  const restValues = days.map(date => rest.reduce((sum, side) => sum + meanOf(side, date), 0));
  const timeline: Timeline = {
    bucketMs: DAY_MS,
    starts: days.map(msOf),
    series: rest.length === 0 ? series : [...series, { key: 'other', label: OTHER, values: restValues }],
  };
  return figure({
    id: other,
    title:
      table === 'ports' ? say({ en: 'From where', ja: '送信元地域' }) : say({ en: 'To which ports', ja: '宛先ポート' }),
    caption: say({
      en: 'Mean packets per sensor and day, stacked: the busiest and all others. UTC.',
      ja: 'センサー1台・1日あたりの平均パケット数（積み上げ。上位とその他）。UTC。',
    }),
    source,
    timeline,
    kind: 'stack',
  });
}

/** The busiest by day, a row each. */
export function sidesHeat(table: SubjectTable, { days, sides }: Pairs, source: string): HTMLElement | undefined {
  if (sides.length === 0 || days.length < 2) return undefined;
  const other = otherOf(table);
  return heatFigure({
    id: 'days',
    title:
      table === 'ports'
        ? say({ en: 'By country and day', ja: '地域・日別' })
        : say({ en: 'By port and day', ja: 'ポート・日別' }),
    caption: say({
      en: `Mean packets per sensor and day, the ${Math.min(rowsMax, sides.length)} busiest. Colours by quantiles. UTC.`,
      ja: `センサー1台・1日あたりの平均パケット数（上位${Math.min(rowsMax, sides.length)}件）。色は分位点による区分。UTC。`,
    }),
    source,
    timeline: {
      bucketMs: DAY_MS,
      starts: days.map(msOf),
      series: sides.slice(0, rowsMax).map(side => ({
        key: side.key,
        label: labelWords(other, side.key),
        values: days.map(date => side.byDay.get(date)?.meanPerSensor ?? 0),
      })),
    },
  });
}

export function sidesTable(table: SubjectTable, { days, sides }: Pairs, serviceOf: ServiceOf): HTMLElement | undefined {
  if (sides.length === 0) return undefined;
  const all = sides.reduce((sum, side) => sum + side.packets, 0);
  const other = otherOf(table);
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const body = sides.slice(0, rowsMax).map(side => {
    const sources = Math.max(...[...side.byDay.values()].map(row => row.sources ?? 0));
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, subjectLink(other, side.key, serviceOf)),
      h('td', { class: 'n' }, share(side.packets, all)),
      h('td', { class: 'n' }, count(sources)),
    );
  });
  const title =
    other === 'countries' ? say({ en: 'Countries', ja: '地域の内訳' }) : say({ en: 'Ports', ja: 'ポートの内訳' });
  const span = datesText(days[0]!, days.at(-1)!);
  const head = h(
    'tr',
    {},
    column(other === 'countries' ? say({ en: 'Country', ja: '地域' }) : say({ en: 'Port', ja: 'ポート' }), ''),
    column(say({ en: 'Share', ja: '割合' })),
    column(say({ en: 'Sources', ja: '送信元数' })),
  );
  return h(
    'section',
    { class: 'sides', 'aria-labelledby': 'sides' },
    h('h2', { id: 'sides' }, title),
    h(
      'p',
      { class: 'note' },
      say({
        en: `${span}, ${count(sides.length)} in all; sources: the highest day’s`,
        ja: `${span}、全${count(sides.length)}${other === 'countries' ? '地域' : 'ポート'}。送信元数は1日の最大値`,
      }),
    ),
    h('table', {}, h('thead', {}, head), h('tbody', {}, body)),
  );
}
