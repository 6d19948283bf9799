/** From which autonomous systems the packets to a port, from a country, or all of them came: bars of the busiest, and a table. */
import { barsChart } from '../../charts/bars.ts';
import { count, plural, share, type Words } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { asnWords, barsOf, REST } from './asn-bars.ts';
import { wholeDay } from './common.ts';
import { h, say } from './dom.ts';
import { panel } from './panel.ts';
import type { Subject, SubjectTable } from './rows.ts';
import { datesText, meanText } from './sentences.ts';
import { type AsnRow, wholeDays } from './subject-rows.ts';
import { daysBefore, type Latest, type Stretch } from './windows.ts';

/** /v1 tells it of so many days at once. */
const daysMax = 91;
/** Of all packets no more are asked for: there may be tens of thousands. */
const tableMax = 200;

interface Head {
  /** How many there are, without unknown: of all packets, not all of them are asked for. */
  readonly asns: number;
  readonly counted: readonly string[];
  readonly notCounted: readonly string[];
  /** Of autonomous systems. */
  readonly database: string | null;
}

const nameOf = (asn: number): string => say(asnWords(asn));
const same = (text: string) => ({ en: text, ja: text });

/** Of all packets unless there is a subject. Undefined where there were none. */
export async function asnsFigure(
  subject: Subject | undefined,
  stretch: Stretch,
  latest: Latest,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  const [first, to] = wholeDays(stretch, wholeDay(latest));
  const from = [first, daysBefore(to, daysMax - 1)].sort().at(-1)!;
  const none = { rows: [], next: null, asns: 0, counted: [], notCounted: [], database: null };
  const asked = (range: { from: string; to: string }) => orNone(askOf(subject, range, signal), none);
  const { rows, next, asns, counted, notCounted, database } = await asked({ from, to });
  if (rows.length === 0) return notCounted.length === 0 ? undefined : notTold(subject);
  const lastDay = counted.at(-1)!;
  const ofLastDay = subject?.table !== 'countries' ? undefined : (await asked({ from: lastDay, to: lastDay })).rows;
  const sources = ofLastDay && new Map(ofLastDay.map(row => [row.asn, row.sources ?? null] as const));
  const sourcesOf = ({ asn }: AsnRow) => (sources === undefined ? [] : [sources.get(asn) ?? 0]);
  const all = asns + (rows.some(({ asn }) => asn === 0) ? 1 : 0);
  const bars = barsOf(rows, all).map(bar => ({ ...bar, label: same(say(bar.label)) }));
  return panel({
    id: 'asns',
    title: say({ en: 'From which networks', ja: '送信元AS' }),
    caption: captionOf(subject, { asns, counted, notCounted }, next === null ? undefined : rows.length),
    source: [await source, database ?? ''].filter(text => text !== '').join(say({ en: ', ', ja: '、' })),
    draw: canvas => barsChart(bars, canvas, (_, key) => (key === REST ? OTHER_FILL : BAR_FILL)),
    csv: () => [
      ['rank', 'asn', 'packets', 'meanPerSensor', 'share', ...(sources === undefined ? [] : ['sourcesOfLastDay'])],
      ...rows.map(row =>
        [row.rank, row.asn, row.packets, row.meanPerSensor ?? '', row.share, ...sourcesOf(row)].map(String),
      ),
    ],
    table: () => ({
      head: [
        'AS',
        say({ en: 'Packets', ja: 'パケット' }),
        say({ en: 'Mean per sensor', ja: 'センサー平均' }),
        say({ en: 'Share', ja: '割合' }),
        ...(sources === undefined
          ? []
          : [say({ en: `Sources, ${datesText(lastDay, lastDay)}`, ja: `送信元数（${datesText(lastDay, lastDay)}）` })]),
      ],
      rows: rows
        .slice(0, tableMax)
        .map(row => [
          nameOf(row.asn),
          count(row.packets),
          row.meanPerSensor === null ? '–' : meanText(row.meanPerSensor),
          share(row.share, 1),
          ...sourcesOf(row).map(count),
        ]),
    }),
  });
}

function askOf(subject: Subject | undefined, days: { from: string; to: string }, signal: AbortSignal) {
  const options = { signal };
  if (subject === undefined) return ask<AsnRow, Head>('/v1/asns', { ...days, limit: tableMax }, options);
  const { table, key } = subject;
  return table === 'ports'
    ? ask<AsnRow, Head>('/v1/port-asns', { port: key, ...days }, options)
    : ask<AsnRow, Head>('/v1/country-asns', { country: key, ...days }, options);
}

const BAR_FILL = 'var(--series-1)';
const OTHER_FILL = 'var(--series-other)';

/** Which days it is of, and which it is not of; and how many are told, where that is not all. */
function captionOf(
  subject: Subject | undefined,
  { asns, counted, notCounted }: Pick<Head, 'asns' | 'counted' | 'notCounted'>,
  firstOnly: number | undefined,
): string {
  const span = datesText(counted[0]!, counted.at(-1)!);
  const missing = notCounted.length;
  const words = WORDS[subject?.table ?? 'all'];
  const [cutEn, cutJa] =
    firstOnly === undefined
      ? ['', '']
      : [
          ` The table and the CSV file have the first ${count(firstOnly)}.`,
          `表とCSVファイルは上位${count(firstOnly)}件です。`,
        ];
  const english = `${words.share.en}, ${span}: ${plural(asns, 'autonomous system', 'autonomous systems')}.${cutEn}`;
  const japanese = `${words.share.ja}（${span}、全${count(asns)}AS）。${cutJa}`;
  if (missing === 0) return say({ en: english, ja: japanese });
  return say({
    en: `${english} ${plural(missing, 'day', 'days')} of this time ${missing === 1 ? 'is' : 'are'} not counted: ${words.when.en}.`,
    ja: `${japanese}この期間の${count(missing)}日分は集計がありません。${words.when.ja}`,
  });
}

/** What shares are of, and which days are counted. */
const WORDS: Readonly<Record<SubjectTable | 'all', { readonly share: Words; readonly when: Words }>> = {
  ports: {
    share: { en: 'Share of the packets to the port', ja: 'このポート宛パケットに占める割合' },
    when: {
      en: 'a day is counted once it is closed, for its busiest ports, if a database of autonomous systems was in use and all its records are there',
      ja: '集計は日次データの確定後に、その日の上位ポートを対象として行い、ASデータベースがない日や記録の一部が失われた日は集計しません。',
    },
  },
  countries: {
    share: { en: 'Share of the packets from here', ja: 'この国・地域からのパケットに占める割合' },
    when: {
      en: 'a day is counted if a database of autonomous systems was in use, but not if an earlier version counted it',
      ja: 'ASデータベースがない日や、以前のバージョンで集計した日は集計がありません。',
    },
  },
  all: {
    share: { en: 'Share of all packets', ja: '全パケットに占める割合' },
    when: {
      en: 'a day is counted if a database of autonomous systems was in use',
      ja: 'ASデータベースがない日は集計がありません。',
    },
  },
};

function notTold(subject: Subject | undefined): HTMLElement {
  const { when } = WORDS[subject?.table ?? 'all'];
  return h(
    'p',
    { class: 'state' },
    say({
      en: `From which networks: there is nothing for this time; ${when.en}.`,
      ja: `送信元AS：この期間の集計はありません。${when.ja}`,
    }),
  );
}
