/** Rankings as tables, and what moved as a list: each name leads to its page. */
import { countryName } from '../../names.ts';
import { count, share } from '../../words.ts';
import { h, language, pathOf, say } from './dom.ts';
import type { Move } from './moves.ts';
import type { Ranked, SubjectTable } from './rows.ts';
import { changeWords, meanText, moveFigures, type ServiceOf } from './sentences.ts';

/** A subject's name with a link to its page: `23/tcp telnet`, `China CN`. */
export function subjectLink(table: SubjectTable, key: string, serviceOf: ServiceOf): HTMLElement[] {
  if (table === 'ports') {
    const service = serviceOf(key);
    return [h('a', { href: pathOf.port(key) }, key), h('span', { class: 'sub' }, service === '' ? '' : ` ${service}`)];
  }
  const name = countryName(key)[language];
  return [h('a', { href: pathOf.country(key) }, name), h('span', { class: 'sub' }, name === key ? '' : ` ${key}`)];
}

/** How a rank changed, told by a sign and by words. */
function rankChange({ rank, previousRank }: Ranked): HTMLElement {
  if (previousRank === null)
    return h(
      'span',
      { class: 'up', title: say({ en: 'not ranked before', ja: '前の期間は圏外' }) },
      say({ en: 'new', ja: '新' }),
    );
  const places = previousRank - rank;
  if (places === 0) return h('span', { class: 'sub', title: say({ en: 'unchanged', ja: '変動なし' }) }, '=');
  const text = say({ en: `was ${previousRank}`, ja: `前回${previousRank}位` });
  return h(
    'span',
    { class: places > 0 ? 'up' : 'down', title: text },
    `${places > 0 ? '▲' : '▼'}${count(Math.abs(places))}`,
  );
}

export interface RankTable {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly table: SubjectTable;
  readonly rows: readonly Ranked[];
  readonly serviceOf: ServiceOf;
  /** There was a period before to compare with. */
  readonly compared: boolean;
  /** Days that the means are of: they are told a day. */
  readonly days: number;
}

export function rankTable({ id, title, note, table, rows, serviceOf, days, compared }: RankTable): HTMLElement {
  const largest = Math.max(...rows.map(({ packets }) => packets), 1);
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const withSources = rows.some(({ sources }) => sources !== null);
  const hasMeans = rows.some(({ meanPerSensor }) => meanPerSensor !== null);
  const body = rows.map(row => {
    const bar = h('span', { class: 'bar' });
    bar.style.width = `${(100 * row.packets) / largest}%`;
    const mean = row.meanPerSensor === null ? '–' : meanText(row.meanPerSensor / days);
    const volume = hasMeans ? mean : count(row.packets);
    return h(
      'tr',
      {},
      h('td', { class: 'n rank' }, row.rank),
      compared ? h('td', { class: 'change' }, rankChange(row)) : undefined,
      h('th', { scope: 'row' }, subjectLink(table, row.key, serviceOf)),
      h('td', { class: 'bars', 'aria-hidden': 'true' }, bar),
      h('td', { class: 'n' }, volume),
      h('td', { class: 'n' }, share(row.share, 1)),
      withSources ? h('td', { class: 'n' }, row.sources === null ? '–' : count(row.sources)) : undefined,
    );
  });
  const head = h(
    'tr',
    {},
    column('#', 'n rank'),
    compared ? column(say({ en: 'Change', ja: '変動' }), 'change') : undefined,
    column(table === 'ports' ? say({ en: 'Port', ja: 'ポート' }) : say({ en: 'Country', ja: '地域' }), ''),
    h('td', { class: 'bars' }),
    column(hasMeans ? say({ en: 'Mean a day', ja: '平均/日' }) : say({ en: 'Packets', ja: 'パケット数' })),
    column(say({ en: 'Share', ja: '割合' })),
    withSources ? column(say({ en: 'Sources', ja: '送信元数' })) : undefined,
  );
  return h(
    'section',
    { class: 'ranking', 'aria-labelledby': id },
    h('h2', { id }, title),
    h('p', { class: 'note' }, note),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': id },
      h('table', {}, h('thead', {}, head), h('tbody', {}, body)),
    ),
  );
}

/** Each move as a line: a sign, the name, the change in words, and both means. */
export function moveList(moves: readonly Move[], table: SubjectTable, serviceOf: ServiceOf): HTMLElement {
  if (moves.length === 0)
    return h(
      'p',
      { class: 'note' },
      say({ en: 'Nothing moved by a fifth or more.', ja: '2割以上の変化はありません。' }),
    );
  return h(
    'ul',
    { class: 'moves' },
    moves.map(move => {
      const rose = move.now >= move.before;
      return h(
        'li',
        { class: rose ? 'rose' : 'fell' },
        h('span', { class: 'sign', 'aria-hidden': 'true' }, rose ? '▲' : '▼'),
        h(
          'div',
          {},
          h('p', {}, subjectLink(table, move.key, serviceOf), ' ', h('strong', {}, say(changeWords(move)))),
          h('p', { class: 'sub' }, moveFigures(move)),
        ),
      );
    }),
  );
}
