/**
 * What a day's panel has beside its files: its busiest ports and countries, for members its ASes, and exchange files for those who
 * may have them. Each is asked for by itself, and says by itself if it cannot come.
 */
import { countryName } from '../../names.ts';
import { share, type Words } from '../../words.ts';
import { ask, askFile, askReader, isMember, orNone, Refused, type Trouble } from './api.ts';
import { dayAsns } from './day-asns.ts';
import { type Child, h, language, saveFile, say } from './dom.ts';
import { type CountryKeys, type DayRow, type Figures, keyOf, type SubjectTable, type TargetKeys } from './rows.ts';
import { loadServices } from './sentences.ts';
import { slot } from './slot.ts';
import { isPassing, troubleTitle } from './states.ts';
import { subjectLink } from './tables.ts';

const shown = 5;
/** Countries to choose from: as many as there can be. */
const countriesMax = 300;

/** name in /v1: what a reader calls it, and what its file ends with. */
const EXCHANGE = {
  intelmq: ['IntelMQ', 'ndjson'],
  shadowserver: ['Shadowserver', 'csv'],
  stix: ['STIX 2.1', 'json'],
  'iodef-json': ['IODEF (JSON)', 'json'],
  'iodef-v2': ['IODEF 2', 'xml'],
  'iodef-v1': ['IODEF 1', 'xml'],
} as const;

type Row = Figures & Partial<TargetKeys & CountryKeys>;

const TITLES = {
  ports: { en: 'Busiest ports', ja: '上位ポート' },
  countries: { en: 'Busiest countries', ja: '上位の送信元地域' },
  asns: { en: 'Autonomous systems', ja: '送信元AS' },
  exchange: { en: 'Exchange files: scans from a country', ja: '交換用ファイル：送信元地域別のスキャン' },
} as const;

export const dayParts = (day: DayRow): HTMLElement[] => [
  part('ports', busiest(day, 'ports')),
  part('countries', busiest(day, 'countries')),
  part('asns', dayAsns(day)),
  part('exchange', exchangeFiles(day)),
];

/** Below its title, so that what cannot come is named; where there is nothing of it, there is no title. */
function part(name: keyof typeof TITLES, coming: Promise<Child>): HTMLElement {
  const titled = (content: Child) => h('div', {}, h('h3', { id: name }, say(TITLES[name])), content);
  return slot(
    'part',
    coming.then(content => (content === undefined ? undefined : titled(content))),
    trouble => titled(failed({ en: 'It could not be loaded', ja: '取得できませんでした' }, trouble)),
  );
}

/** What cannot come, and why: this page does not ask again by itself. */
export function failed(what: Words, trouble: Trouble): HTMLElement {
  return h(
    'p',
    { class: 'warn' },
    say({ en: `${what.en}: ${troubleTitle(trouble)}. `, ja: `${what.ja}：${troubleTitle(trouble)}。` }),
    isPassing(trouble)
      ? say({ en: 'Choose the day again to retry.', ja: '日付を選び直すと再試行します。' })
      : undefined,
  );
}

const rowsOf = async (date: string, table: SubjectTable, limit: number): Promise<readonly Row[]> =>
  (await orNone(ask<Row>(`/v1/days/${date}/${table}`, { limit }), { rows: [] })).rows;

async function busiest({ date }: DayRow, table: SubjectTable): Promise<Child> {
  const [rows, serviceOf] = await Promise.all([
    rowsOf(date, table, shown),
    table === 'ports' ? loadServices() : () => '', // countries have none
  ]);
  if (rows.length === 0) return undefined;
  const line = (row: Row) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h(
          'p',
          {},
          h('span', {}, subjectLink(table, keyOf(row), serviceOf)),
          h('span', { class: 'sub' }, share(row.share, 1)),
        ),
      ),
    );
  return h('ul', { class: 'moves' }, rows.map(line));
}

/** Of countries that the reader may have raw records of; undefined where there are none. An open day has no files. */
async function exchangeFiles({ date, state }: DayRow): Promise<Child> {
  if (!isMember() || state === 'open') return undefined;
  const { role, countries } = await askReader();
  const codes =
    role === 'admin'
      ? (await rowsOf(date, 'countries', countriesMax)).flatMap(({ country }) =>
          country === undefined || country === '??' ? [] : country,
        )
      : countries;
  if (codes.length === 0) return undefined;
  const options = codes.map(code => h('option', { value: code }, `${countryName(code)[language]} (${code})`));
  const select = h('select', { id: 'exchange-country' }, options);
  const said = h('p', { class: 'fault', role: 'alert' });
  const save = async (name: keyof typeof EXCHANGE, extension: string) => {
    said.textContent = '';
    try {
      const file = await askFile(`/v1/days/${date}/exports/${name}?country=${select.value}`);
      saveFile(`enaga-${date}-${select.value}-${name}.${extension}`, file, 'application/octet-stream');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      said.textContent = troubleTitle(error.trouble);
    }
  };
  return [
    h(
      'div',
      { class: 'pick exchange' },
      h('label', { class: 'hidden', for: 'exchange-country' }, say({ en: 'Country', ja: '地域' })),
      select,
    ),
    h(
      'div',
      { class: 'exchange' },
      Object.entries(EXCHANGE).map(([name, [title, extension]]) =>
        h(
          'button',
          { type: 'button', class: 'file', click: () => save(name as keyof typeof EXCHANGE, extension) },
          title,
        ),
      ),
    ),
    said,
  ];
}
