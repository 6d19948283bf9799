/** From which autonomous systems a day's packets came: the busiest as a table. Members alone are told of them. */
import { count, share } from '../../words.ts';
import { ask, isMember, orNone } from './api.ts';
import { type Child, h, say } from './dom.ts';
import type { DayRow, Figures } from './rows.ts';

const shown = 10;
/** Of thousands; the day's file has them all. */
const askedMax = 200;

interface AsnRow extends Figures {
  readonly rank: number;
  /** 0: unknown. */
  readonly asn: number;
}

/** Undefined where nothing is shown of them to who reads. */
export async function dayAsns({ date, asnDatabase }: DayRow): Promise<Child> {
  if (!isMember() || asnDatabase === undefined) return undefined;
  if (asnDatabase === null) return note(NO_DATABASE);
  const nothing = { rows: [], next: null };
  const { rows, next } = await orNone(ask<AsnRow>(`/v1/days/${date}/asns`, { limit: askedMax }), nothing);
  if (rows.length === 0) return undefined;
  const lines = rows.map(lineOf);
  for (const line of lines.slice(shown)) line.hidden = true;
  const table = h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': 'asns' },
    h('table', { class: 'asns' }, h('thead', {}, HEAD()), h('tbody', {}, lines)),
  );
  return [note(told(rows, next === null, asnDatabase)), table, ...more(lines, table)];
}

const note = (text: string): HTMLElement => h('p', { class: 'note' }, text);

const NO_DATABASE = say({
  en: 'None are told: this day was counted without a database of autonomous systems.',
  ja: 'この日はASデータベースなしで集計したため、AS別の数値はありません。',
});

/** How many there are, as far as they were asked for, and what they were counted with. */
function told(rows: readonly AsnRow[], isAll: boolean, database: string): string {
  const known = rows.filter(({ asn }) => asn !== 0).length;
  const n = count(known);
  const rest = known === rows.length ? { en: '', ja: '' } : { en: ', and unknown', ja: 'と不明' };
  return say({
    en: `${isAll ? `${n} in all` : `The ${n} busiest`}${rest.en}; counted with ${database}.`,
    ja: `${isAll ? `全${n}AS` : `上位${n}AS`}${rest.ja}。ASデータベース：${database}。`,
  });
}

const HEAD = (): HTMLElement =>
  h(
    'tr',
    {},
    h('th', { scope: 'col' }, 'AS'),
    [
      say({ en: 'Packets', ja: 'パケット数' }),
      say({ en: 'Share', ja: '割合' }),
      say({ en: 'Sources', ja: '送信元数' }),
      say({ en: 'Scanning', ja: 'うちスキャン' }),
    ].map(text => h('th', { scope: 'col', class: 'n' }, text)),
  );

const lineOf = ({ asn, packets, share: part, sources, scanningSources }: AsnRow): HTMLElement =>
  h(
    'tr',
    {},
    h('th', { scope: 'row' }, asn === 0 ? say({ en: 'unknown', ja: '不明' }) : `AS${asn}`),
    [
      count(packets),
      share(part, 1),
      ...[sources, scanningSources].map(some => (some === null ? '–' : count(some))),
    ].map(text => h('td', { class: 'n' }, text)),
  );

/** A button for the lines that are not shown yet; then the table has the focus that it had. */
function more(lines: readonly HTMLElement[], table: HTMLElement): HTMLElement[] {
  if (lines.length <= shown) return [];
  const rest = count(lines.length - shown);
  const button = h(
    'button',
    {
      type: 'button',
      class: 'button',
      click: () => {
        for (const line of lines) line.hidden = false;
        button.remove();
        table.focus({ preventScroll: true });
      },
    },
    say({ en: `Show ${rest} more`, ja: `さらに${rest}件を表示` }),
  );
  return [button];
}
