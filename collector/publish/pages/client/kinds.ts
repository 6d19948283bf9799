/** What kind of traffic it was: scans and answers to floods, and the marks that tools leave. */
import { DAY_MS } from '../../../../common/time.ts';
import { CLASS_NAMES, CLASSES, TOOL_NAMES, TOOLS } from '../../names.ts';
import type { Timeline } from '../../series.ts';
import type { Words } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { say } from './dom.ts';
import { figure } from './figure.ts';
import type { Figures } from './rows.ts';
import { wholeDays } from './subject-rows.ts';
import { type CountName, daysBefore, msOf, type Stretch } from './windows.ts';

/** What /v1 gives of a table at once. */
const daysMax = 30;

type KindRow = Figures & { readonly date: string; readonly class?: string; readonly tool?: string };

/** Days of the stretch that a table can be asked of at once: the last ones that are over. */
async function rowsOf(
  table: 'classes' | 'tools',
  stretch: Stretch,
  lastWhole: string,
  signal: AbortSignal,
): Promise<readonly KindRow[]> {
  const [from, last] = wholeDays(stretch, lastWhole);
  const first = [from, daysBefore(last, daysMax - 1)].sort().at(-1)!;
  const answer = ask<KindRow>(`/v1/days/${first}:${last}/${table}`, {}, { signal });
  return (await orNone(answer, { rows: [] })).rows;
}

function byDay(
  rows: readonly KindRow[],
  names: readonly string[],
  nameOf: (row: KindRow) => string | undefined,
  labelOf: (name: string) => Words,
  counted: CountName,
): Timeline {
  // Of a day that was hardly watched there is no mean.
  const known = counted === 'packets' ? rows.filter(({ meanPerSensor }) => meanPerSensor !== null) : rows;
  const dates = [...new Set(known.map(({ date }) => date))].sort();
  return {
    bucketMs: DAY_MS,
    starts: dates.map(msOf),
    series: names.map(key => {
      const own = rows.filter(row => nameOf(row) === key);
      const values = new Map(
        own.map(row => [row.date, (counted === 'packets' ? row.meanPerSensor : row.sources) ?? 0]),
      );
      return { key, label: labelOf(key), values: dates.map(date => values.get(date) ?? 0) };
    }),
  };
}

export const UNIT = { en: 'Mean packets per sensor and day', ja: 'センサー1台・1日あたりの平均パケット数' };

export const CLASS_CAPTIONS: Record<CountName, Words> = {
  packets: {
    en: `${UNIT.en}. Backscatter is what victims of floods answer to forged addresses. UTC.`,
    ja: `${UNIT.ja}。バックスキャッターは、送信元を詐称した攻撃の被害者からの応答です。UTC。`,
  },
  sources: {
    en: 'Distinct sources a day; one may be in several classes. Sources of backscatter are victims of floods. UTC.',
    ja: '1日あたりの送信元アドレス数（複数の分類に含まれる場合があります）。バックスキャッターの送信元は攻撃の被害者です。UTC。',
  },
};
export const TOOL_CAPTIONS: Record<CountName, Words> = {
  packets: {
    en: `${UNIT.en} with a tool’s mark. Newer ZMap leaves none: its figure is a floor. UTC.`,
    ja: `ツールの特徴をもつパケットの${UNIT.ja}。新しいZMapは特徴を残さないため下限値です。UTC。`,
  },
  sources: {
    en: 'Sources a day that are confirmed as a tool’s by two packets. Newer ZMap leaves no mark: its figure is a floor. UTC.',
    ja: '2パケット以上でツールの特徴を確認した1日あたりの送信元数。新しいZMapは特徴を残さないため下限値です。UTC。',
  },
};

export async function classesFigure(
  stretch: Stretch,
  lastWhole: string,
  counted: CountName,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  const rows = await rowsOf('classes', stretch, lastWhole, signal);
  if (rows.length === 0) return undefined;
  return figure({
    id: 'classes',
    title: say({ en: 'Scans and backscatter', ja: 'スキャンとバックスキャッター' }),
    caption: say(CLASS_CAPTIONS[counted]),
    source: await source,
    timeline: byDay(
      rows,
      CLASSES,
      row => row.class,
      name => CLASS_NAMES[name as keyof typeof CLASS_NAMES],
      counted,
    ),
    kind: counted === 'packets' ? 'stack' : 'lines',
  });
}

export async function toolsFigure(
  stretch: Stretch,
  lastWhole: string,
  counted: CountName,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  const rows = await rowsOf('tools', stretch, lastWhole, signal);
  if (rows.length === 0) return undefined;
  const label = (name: string) => ({
    en: TOOL_NAMES[name as keyof typeof TOOL_NAMES],
    ja: TOOL_NAMES[name as keyof typeof TOOL_NAMES],
  });
  return figure({
    id: 'tools',
    title: say({ en: 'With which tool', ja: 'スキャンツール' }),
    caption: say(TOOL_CAPTIONS[counted]),
    source: await source,
    timeline: byDay(rows, TOOLS, row => row.tool, label, counted),
    kind: 'lines',
  });
}
