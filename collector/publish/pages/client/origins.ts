/** Whose each column of the page of peers is: how it was had, what is missing of it, and how old it is. */
import { count } from '../../words.ts';
import { h, say } from './dom.ts';
import { durationText } from './sentences.ts';

/** What /v1/compare says of a source. */
export interface Column {
  readonly name: string;
  readonly kind: 'own' | 'peer' | 'import';
  readonly view: 'whole' | 'guarded';
  readonly days: number;
  readonly complete: boolean;
  readonly packets: number;
  readonly geo: string | null;
  readonly built: string | null;
  readonly taken: string | null;
  readonly to: string | null;
}

export const nameOf = ({ name, kind }: Pick<Column, 'name' | 'kind'>): string =>
  kind === 'own' ? say({ en: 'Ours', ja: '当観測網' }) : name;

/** A card a source; `wanted` is how many days were asked for. */
export function sourcesList(sources: readonly Column[], wanted: number): HTMLElement {
  const id = 'peers-sources';
  return h(
    'section',
    { class: 'origins', 'aria-labelledby': id },
    h('h2', { id }, say({ en: 'Where these figures come from', ja: '数値の出所' })),
    h(
      'div',
      { class: 'sensors' },
      sources.map(source => sourceCard(source, wanted)),
    ),
  );
}

function sourceCard(source: Column, wanted: number): HTMLElement {
  const { name, days, packets, geo, built, taken, to } = source;
  const id = `source-${name}`;
  const fact = (term: string, text: string) => h('div', {}, h('dt', {}, term), h('dd', {}, text));
  const age = taken === null ? undefined : durationText(Date.now() - Date.parse(taken));
  const missing =
    days === 0
      ? say({
          en: `No figures of these days${to === null ? '' : `; its last are of ${to}`}.`,
          ja: `この期間の数値はありません${to === null ? '' : `（最終日：${to}）`}。`,
        })
      : days < wanted
        ? say({ en: `Only ${days} of these ${wanted} days.`, ja: `${wanted}日間のうち${days}日分のみです。` })
        : undefined;
  return h(
    'section',
    { class: `card ${missing === undefined ? 'well' : 'ill'}`, 'aria-labelledby': id },
    h('h3', { id, class: 'title' }, nameOf(source)),
    h('p', { class: 'note' }, originText(source)),
    missing === undefined ? undefined : h('p', { class: 'health' }, missing),
    h(
      'dl',
      { class: 'facts' },
      days === 0
        ? undefined
        : fact(say({ en: 'packets', ja: 'パケット数' }), `${source.view === 'guarded' ? '≈' : ''}${count(packets)}`),
      fact(say({ en: 'days', ja: '日数' }), `${days}/${wanted}`),
      age === undefined ? undefined : fact(say({ en: 'taken', ja: '取得' }), say({ en: `${age} ago`, ja: `${age}前` })),
      geo === null ? undefined : fact(say({ en: 'countries by', ja: '地域データ' }), `${geo} ${built}`),
    ),
  );
}

function originText({ kind, view }: Column): string {
  if (kind === 'import')
    return say({ en: 'Files of another system, counted here.', ja: '他システムのファイルをここで集計した数値です。' });
  if (kind === 'own')
    return view === 'whole'
      ? say({ en: 'Our own sensors.', ja: '当観測網のセンサーの数値です。' })
      : say({
          en: 'Our own sensors: rounded, the top rows alone.',
          ja: '当観測網のセンサーの数値です（丸め・上位のみ）。',
        });
  return view === 'whole'
    ? say({ en: 'Another observatory, as it tells its members.', ja: '他の観測網がメンバー向けに提供する数値です。' })
    : say({
        en: 'Another observatory, as it tells the public: rounded, its top rows alone.',
        ja: '他の観測網の公開データです（丸め・上位のみ）。',
      });
}
