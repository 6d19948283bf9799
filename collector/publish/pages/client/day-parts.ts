/** What a day's panel has beside its files: its busiest ports and countries, for members its ASes, and exchange files for those who may have them. */
import { countryName } from '../../names.ts';
import { share } from '../../words.ts';
import { ask, askFile, askReader, isMember, orNone, Refused } from './api.ts';
import { dayAsns } from './day-asns.ts';
import { h, language, saveFile, say } from './dom.ts';
import { type CountryKeys, type DayRow, type Figures, keyOf, type SubjectTable, type TargetKeys } from './rows.ts';
import { loadServices, type ServiceOf } from './sentences.ts';
import { troubleTitle } from './states.ts';
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

export async function dayParts(day: DayRow): Promise<HTMLElement[]> {
  const { date, state } = day;
  const [serviceOf, ports, countries, asns, exchange] = await Promise.all([
    loadServices(),
    rowsOf(date, 'ports', shown),
    rowsOf(date, 'countries', shown),
    dayAsns(day),
    isMember() && state !== 'open' ? exchangeFiles(date) : undefined, // an open day has none
  ]);
  return [
    ...busiest('ports', ports, serviceOf),
    ...busiest('countries', countries, serviceOf),
    ...asns,
    ...(exchange === undefined ? [] : exchange),
  ];
}

const rowsOf = async (date: string, table: SubjectTable, limit: number): Promise<readonly Row[]> =>
  (await orNone(ask<Row>(`/v1/days/${date}/${table}`, { limit }), { rows: [] })).rows;

function busiest(table: SubjectTable, rows: readonly Row[], serviceOf: ServiceOf): HTMLElement[] {
  if (rows.length === 0) return [];
  const title =
    table === 'ports'
      ? say({ en: 'Busiest ports', ja: '上位ポート' })
      : say({ en: 'Busiest countries', ja: '上位の送信元地域' });
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
  return [h('h3', {}, title), h('ul', { class: 'moves' }, rows.map(line))];
}

/** Of countries that the reader may have raw records of; undefined where there are none. */
async function exchangeFiles(date: string): Promise<HTMLElement[] | undefined> {
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
      said.textContent =
        error.trouble === 'uncounted'
          ? say({
              en: 'The collector has not been told who sends its exchange files.',
              ja: 'コレクターに交換用ファイルの発行者が設定されていません。',
            })
          : troubleTitle(error.trouble);
    }
  };
  return [
    h('h3', {}, say({ en: 'Exchange files: scans from a country', ja: '交換用ファイル：送信元地域別のスキャン' })),
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
