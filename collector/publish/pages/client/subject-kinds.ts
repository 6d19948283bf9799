/** What the packets to a port, or from a country, were: scans, backscatter and the rest; and all of them against those of tools. */
import { DAY_MS } from '../../../../common/time.ts';
import { CLASS_NAMES, CLASSES, TOOL_NAMES, TOOLS } from '../../names.ts';
import type { Series, Timeline } from '../../series.ts';
import { roughShare, type Words } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { wholeDay } from './common.ts';
import { h, language, say } from './dom.ts';
import { figure } from './figure.ts';
import { CLASS_CAPTIONS, TOOL_CAPTIONS, UNIT } from './kinds.ts';
import type { Subject } from './rows.ts';
import { dateText } from './sentences.ts';
import { type KindRow, type Kinds, kindsFrom, wholeDays } from './subject-rows.ts';
import type { CountName, Latest, Stretch } from './windows.ts';

/** Sources are told of a country alone: of a port it is always packets. */
export async function kindsOfSubject(
  { table, key }: Subject,
  counted: CountName,
  stretch: Stretch,
  latest: Latest,
  signal: AbortSignal,
): Promise<Kinds> {
  const [from, to] = wholeDays(stretch, wholeDay(latest));
  const isPort = table === 'ports';
  const [route, named] = isPort ? ['/v1/port-kinds', { port: key }] : ['/v1/country-kinds', { country: key }];
  const { rows } = await orNone(ask<KindRow>(route, { ...named, from, to }, { signal }), { rows: [] });
  return kindsFrom(rows, isPort ? 'packets' : counted);
}

/** Until when nothing is known of it. */
const unknownText = ({ unknownTo }: Kinds): string =>
  unknownTo === undefined
    ? ''
    : say({
        en: ` Not counted up to ${dateText(unknownTo)}.`,
        ja: `${dateText(unknownTo)}までは集計していません。`,
      });

function timelineOf(kinds: Kinds, series: readonly Series[]): Timeline {
  return { bucketMs: DAY_MS, starts: [...kinds.starts], series: [...series] };
}

const series = ({ values }: Kinds, key: string, label: Words): Series => ({
  key,
  label,
  values: [...values.get(key)!],
});

const allPackets = ({ packets }: Kinds): number => CLASSES.reduce((sum, name) => sum + packets.get(name)!, 0);

/** Undefined where there is nothing to draw. */
export function subjectClasses(kinds: Kinds, source: string): HTMLElement | undefined {
  const all = allPackets(kinds);
  if (all === 0) return kinds.unknownTo === undefined ? undefined : h('p', { class: 'state' }, unknownText(kinds));
  const parts = CLASSES.filter(name => kinds.packets.get(name)! > 0);
  const isStack = kinds.counted === 'packets';
  // one class alone has no legend
  const split =
    parts.length === 1
      ? { en: `, all of them: ${CLASS_NAMES[parts[0]!].en}`, ja: `（すべて${CLASS_NAMES[parts[0]!].ja}）` }
      : { en: ', stacked by class', ja: '（分類別の積み上げ）' };
  const stacked = {
    en: `${UNIT.en}${split.en}. Backscatter is what victims of floods answer to forged addresses. UTC.`,
    ja: `${UNIT.ja}${split.ja}。バックスキャッターは、送信元を詐称した攻撃の被害者からの応答です。UTC。`,
  };
  return figure({
    id: 'classes',
    title: say({ en: 'Scans and backscatter', ja: 'スキャンとバックスキャッター' }),
    caption: say(isStack ? stacked : CLASS_CAPTIONS.sources) + unknownText(kinds),
    source,
    timeline: timelineOf(
      kinds,
      parts.map(name => series(kinds, name, CLASS_NAMES[name])),
    ),
    kind: isStack ? 'stack' : 'lines',
  });
}

/** All packets against those of each tool; of sources those of each tool alone. Undefined where there are no packets. */
export function subjectTools(kinds: Kinds, source: string): HTMLElement | undefined {
  const all = allPackets(kinds);
  const marked = TOOLS.filter(name => name === 'mirai' || kinds.packets.get(name)! > 0);
  if (all === 0) return undefined;
  const isAgainstAll = kinds.counted === 'packets';
  const values = kinds.starts.map((_, i) => CLASSES.reduce((sum, name) => sum + kinds.values.get(name)![i]!, 0));
  const tools = marked.map(name => series(kinds, name, { en: TOOL_NAMES[name], ja: TOOL_NAMES[name] }));
  return figure({
    id: 'tools',
    title: say({ en: 'With which tool', ja: 'スキャンツール' }),
    caption: (isAgainstAll ? againstAll(kinds, marked, all) : say(TOOL_CAPTIONS.sources)) + unknownText(kinds),
    source,
    timeline: timelineOf(
      kinds,
      isAgainstAll ? [...tools, { key: 'all', label: { en: 'all packets', ja: '全パケット' }, values }] : tools,
    ),
    kind: 'lines',
  });
}

function againstAll({ packets }: Kinds, marked: readonly (typeof TOOLS)[number][], all: number): string {
  const shares = marked.map(name => `${TOOL_NAMES[name]} ${say(roughShare(packets.get(name)!, all))}`);
  const list = shares.join(language === 'en' ? ', ' : '、');
  const nmap = marked.includes('nmap')
    ? {
        en: ' Nmap’s are those of sources confirmed to use it.',
        ja: 'Nmapは、Nmapの使用が確認された送信元からのパケットです。',
      }
    : { en: '', ja: '' };
  return say({
    en: `${UNIT.en}: all, and those with a tool’s mark (${list} of all). Newer ZMap leaves no mark: its figure is a floor.${nmap.en} UTC.`,
    ja: `${UNIT.ja}。全パケットと、ツールの特徴をもつパケット（全体に占める割合：${list}）。新しいZMapは特徴を残さないため下限値です。${nmap.ja}UTC。`,
  });
}
