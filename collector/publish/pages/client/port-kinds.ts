/** What a port's packets were: scans, backscatter and the rest; and all of them against those with a tool's mark. */
import { DAY_MS } from '../../../../common/time.ts';
import { CLASS_NAMES, CLASSES, TOOL_NAMES } from '../../names.ts';
import type { Series, Timeline } from '../../series.ts';
import { roughShare, type Words } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { wholeDay } from './common.ts';
import { h, language, say } from './dom.ts';
import { figure } from './figure.ts';
import { kindsFrom, MARKS, type PortKindRow, type PortKinds, wholeDays } from './port-rows.ts';
import { dateText } from './sentences.ts';
import type { Latest, Stretch } from './windows.ts';

const CLASS_KINDS: readonly string[] = CLASSES;

export async function portKindsOf(
  port: string,
  stretch: Stretch,
  latest: Latest,
  signal: AbortSignal,
): Promise<PortKinds> {
  const [from, to] = wholeDays(stretch, wholeDay(latest));
  const { rows } = await orNone(ask<PortKindRow>('/v1/port-kinds', { port, from, to }, { signal }), { rows: [] });
  return kindsFrom(rows);
}

const UNIT = { en: 'Mean packets per sensor and day', ja: 'センサー1台・1日あたりの平均パケット数' };

/** Until when nothing is known of it. */
const unknownText = ({ unknownTo }: PortKinds): string =>
  unknownTo === undefined
    ? ''
    : say({
        en: ` Not counted up to ${dateText(unknownTo)}.`,
        ja: `${dateText(unknownTo)}までは集計していません。`,
      });

function timelineOf(kinds: PortKinds, series: readonly Series[]): Timeline {
  return { bucketMs: DAY_MS, starts: [...kinds.starts], series: [...series] };
}

const series = ({ means }: PortKinds, key: string, label: Words): Series => ({
  key,
  label,
  values: [...means.get(key)!],
});

const allPackets = ({ packets }: PortKinds): number => CLASSES.reduce((sum, name) => sum + packets.get(name)!, 0);

/** Undefined where there is nothing to draw. */
export function portClassesFigure(kinds: PortKinds, source: string): HTMLElement | undefined {
  const all = allPackets(kinds);
  if (all === 0) return kinds.unknownTo === undefined ? undefined : h('p', { class: 'state' }, unknownText(kinds));
  const parts = CLASSES.filter(name => kinds.packets.get(name)! > 0);
  return figure({
    id: 'classes',
    title: say({ en: 'Scans and backscatter', ja: 'スキャンとバックスキャッター' }),
    caption: say({
      en: `${UNIT.en}, stacked by class. Backscatter is what victims of floods answer to forged addresses. UTC.${unknownText(kinds)}`,
      ja: `${UNIT.ja}（分類別の積み上げ）。バックスキャッターは、送信元を詐称した攻撃の被害者からの応答です。UTC。${unknownText(kinds)}`,
    }),
    source,
    timeline: timelineOf(
      kinds,
      parts.map(name => series(kinds, name, CLASS_NAMES[name])),
    ),
    kind: 'stack',
  });
}

/** All packets against those with each tool's mark. Undefined where nobody sent to the port. */
export function portToolsFigure(kinds: PortKinds, source: string): HTMLElement | undefined {
  const all = allPackets(kinds);
  const marked = MARKS.filter(name => name === 'mirai' || kinds.packets.get(name)! > 0);
  if (all === 0) return undefined;
  const shares = marked.map(name => `${TOOL_NAMES[name]} ${roughShare(kinds.packets.get(name)!, all)}`);
  const list = shares.join(language === 'en' ? ', ' : '、');
  const values = kinds.starts.map((_, i) => CLASS_KINDS.reduce((sum, name) => sum + kinds.means.get(name)![i]!, 0));
  return figure({
    id: 'tools',
    title: say({ en: 'With which tool', ja: 'スキャンツール' }),
    caption: say({
      en: `${UNIT.en}: all, and those with a tool’s mark (${list} of all). Newer ZMap leaves no mark: its figure is a floor. UTC.${unknownText(kinds)}`,
      ja: `${UNIT.ja}。全パケットと、ツールの特徴をもつパケット（全体に占める割合：${list}）。新しいZMapは特徴を残さないため下限値です。UTC。${unknownText(kinds)}`,
    }),
    source,
    timeline: timelineOf(kinds, [
      ...marked.map(name => series(kinds, name, { en: TOOL_NAMES[name], ja: TOOL_NAMES[name] })),
      { key: 'all', label: { en: 'all packets', ja: '全パケット' }, values },
    ]),
    kind: 'lines',
  });
}
