/** The head of the first page: what changed, and what one takes away who reads no further. */
import { count, roughShare, type Words } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { h, language, say } from './dom.ts';
import type { Move } from './moves.ts';
import type { CountryKeys, Figures, Ranked, TargetKeys } from './rows.ts';
import { capital, changeWords, countryText, datesText, meanText, type ServiceOf, targetText } from './sentences.ts';
import { dateOf, periodsBefore } from './windows.ts';

const daysOfWeek = 7;
/** Countries that a sentence names. */
const namedMax = 3;

/** Which week is spoken of, as one says it: the public's may be one that is long over. */
export function weekWords(monday: string, nowMs: number): Words {
  const [current, last] = periodsBefore('week', dateOf(nowMs), 2);
  if (monday === current) return { en: 'this week', ja: '今週' };
  if (monday === last) return { en: 'last week', ja: '先週' };
  const date = datesText(monday, monday);
  return { en: `in the week of ${date}`, ja: `${date}の週` };
}

/** What changed most; of the first week there is, what is called most. */
export function headline(
  now: readonly Ranked[],
  before: readonly Ranked[],
  move: Move | undefined,
  week: Words,
  serviceOf: ServiceOf,
): string {
  const [top] = now;
  if (top === undefined) return say({ en: 'Unsolicited packets, counted', ja: '観測の現況' });
  if (before.length === 0) {
    const name = targetText(top.key, serviceOf);
    return say({ en: `Busiest port: ${name}`, ja: `最も多い宛先は${name}` });
  }
  if (move === undefined)
    return say({ en: capital(`${week.en} much like the one before`), ja: `${week.ja}は前の週から大きな変化なし` });
  const name = targetText(move.key, serviceOf);
  const change = changeWords(move);
  return say({ en: `${capital(name)} ${change.en} ${week.en}`, ja: `${week.ja}、${name}が${change.ja}` });
}

/** "China (23%), Russia (13%) and 14 others". */
export function namedShares(rows: readonly { key: string; share: number }[]): string {
  const named = rows.slice(0, namedMax).map(({ key, share }) => {
    const part = say(roughShare(share, 1));
    return language === 'en' ? `${countryText(key)} (${part})` : `${countryText(key)}（${part}）`;
  });
  const more = rows.length - named.length;
  if (language === 'ja') return `${named.join('、')}${more > 0 ? `など${rows.length}の国・地域` : ''}`;
  const parts = more > 0 ? [...named, `${more} more`] : named;
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** Of all packets: how many, to where, from where. */
export function lede(
  ports: readonly Ranked[],
  countries: readonly Ranked[],
  serviceOf: ServiceOf,
): HTMLElement | undefined {
  const [port] = ports;
  if (port === undefined || countries.length === 0) return undefined;
  const all = volumeWords(port);
  const [name, part] = [targetText(port.key, serviceOf), roughShare(port.share, 1)];
  const origins = namedShares(countries.slice(0, namedMax));
  const english = `${all.en}Most went to ${name}, ${part.en} of all; most came from ${origins}.`;
  const japanese = `${all.ja}宛先は${name}が最も多く全体の${part.ja}、送信元は${origins}の順です。`;
  return h('p', { class: 'lede' }, say({ en: english, ja: japanese }));
}

/** From what one port had of them. Where too little was watched for a mean, the packets themselves are all there is. */
function volumeWords({ packets, meanPerSensor, share }: Pick<Ranked, 'packets' | 'meanPerSensor' | 'share'>): Words {
  if (share === 0) return { en: '', ja: '' };
  if (meanPerSensor === null) {
    const all = count(Math.round(packets / share));
    return {
      en: `${all} packets were received in all: too little was watched to say how many reach a sensor a day. `,
      ja: `合計${all}パケットを観測しました（観測時間が短いため、センサー1台・1日あたりの平均は示せません）。`,
    };
  }
  const mean = meanText(meanPerSensor / share / daysOfWeek);
  return {
    en: `A sensor received ${mean} packets a day. `,
    ja: `センサー1台あたり1日平均${mean}パケットを観測しました。`,
  };
}

type PairRow = Figures & TargetKeys & CountryKeys;

/** Where the packets to the port that rose came from, on the last whole day. */
export async function originsOf(
  move: Move | undefined,
  date: string,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  if (move === undefined || move.now <= move.before) return undefined;
  const answer = ask<PairRow>(`/v1/days/${date}/port-countries`, { port: move.key }, { signal });
  const { rows } = await orNone(answer, { rows: [] });
  const all = rows.reduce((sum, { packets }) => sum + packets, 0);
  if (all === 0) return undefined;
  const origins = namedShares(rows.map(({ country, packets }) => ({ key: country, share: packets / all })));
  return h(
    'p',
    { class: 'lede' },
    say({ en: `Packets to ${move.key} came from ${origins}.`, ja: `${move.key}宛の送信元は${origins}です。` }),
  );
}
