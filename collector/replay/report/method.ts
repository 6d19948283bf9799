/** How the figures were made, what the words mean, and what was left out: what makes a report checkable. */

import path from 'node:path';
import { geoAgeDays, isStale } from '../../publish/freshness.ts';
import { both, type Html, html } from '../../publish/html.ts';
import { exactCellSourcesMax, exactPortsMax, exactSourcesMax } from '../../publish/names.ts';
import { skippedText } from '../../publish/skipped.ts';
import { skippedRows } from '../../publish/totals.ts';
import { count, share, type Words } from '../../publish/words.ts';
import type { GeoSource, Results } from '../../reduce/results.ts';

/** Said where the figures by country are, not only at the end: a stale database makes them wrong. */
export function staleHtml(geo: GeoSource, now: Date): Html | undefined {
  if (!isStale(geo, now)) return undefined;
  const age = count(geoAgeDays(geo, now)!);
  return html`<p class="warn">${both({
    en: `The country database is ${age} days old. Addresses change hands: figures by country may be wrong.`,
    ja: `国別データベースは作成から${age}日が経過しています。アドレスの割り当ては変わるため、地域別の数値は正確でない可能性があります。`,
  })}</p>`;
}

/** A capture that could not be read, or not to its end (replay.ts). */
export interface NotWhole {
  readonly capture: string;
  readonly reason: string;
  /** Of the damage; absent when it could not be opened. */
  readonly offset?: number;
  /** The file is compressed. */
  readonly unpacked?: true;
}

/** Said before any figure: what is missing is in none. */
export function damageHtml(failures: readonly NotWhole[]): Html | undefined {
  if (failures.length === 0) return undefined;
  const lines = failures.map(({ capture, offset, unpacked, reason }) => {
    const name = path.basename(capture);
    if (offset === undefined)
      return html`<li>${both({ en: `${name}: could not be read: ${reason}`, ja: `${name}：開けませんでした` })}</li>`;
    const at = count(offset);
    return html`<li>${both({
      en: `${name}: damaged at byte ${at}${unpacked ? ' of what it unpacks to' : ''}: ${reason}`,
      ja: `${name}：${unpacked ? '展開後の' : ''}${at}バイト目以降が損傷しています`,
    })}</li>`;
  });
  return html`<div class="warn"><p>${both({
    en: 'Not every capture was read to its end: what follows is less than there was. Of a damaged one all that comes before the damage is counted.',
    ja: '最後まで読めなかったファイルがあるため、以下の数値には不足があります。損傷したファイルは、損傷より前の部分だけを集計しています。',
  })}</p><ul>${lines}</ul></div>`;
}

/** Which files the figures are of. */
export function capturesHtml(captures: readonly string[]): Html | undefined {
  if (captures.length === 0) return undefined;
  const named = captures.slice(0, capturesShown).map(nameOf);
  const rest = captures.length - named.length;
  const listed = (language: keyof Words, separator: string) => named.map(name => name[language]).join(separator);
  return html`<p class="note">${both({
    en: `Read: ${listed('en', ', ')}${rest > 0 ? ` and ${count(rest)} more` : ''}.`,
    ja: `読み込んだファイル：${listed('ja', '、')}${rest > 0 ? `ほか${count(rest)}件` : ''}`,
  })}</p>`;
}

const nameOf = (capture: string): Words => {
  const name = path.basename(capture);
  return capture === '-' ? { en: 'standard input', ja: '標準入力' } : { en: name, ja: name };
};

/** Files that are named. */
const capturesShown = 50;

export function skippedHtml({ skipped, packets, records }: Results): Html {
  const rows = skippedRows(skipped).filter(([, n]) => n > 0);
  const title = html`<h2 id="skipped">${both({ en: 'Not counted', ja: '集計対象外のパケット' })}</h2>`;
  const total = both({
    en: `${count(packets)} packets were read; ${count(records)} became records and ${count(packets - records)} were skipped.`,
    ja: `読み込んだ${count(packets)}パケットのうち、${count(records)}件を記録し、${count(packets - records)}件を対象外としました。`,
  });
  if (rows.length === 0) return html`<section>${title}<p class="note">${total}</p></section>`;
  const body = rows.map(
    ([
      reason,
      n,
    ]) => html`<tr><th scope="row">${reason}</th><td class="wrap">${both(skippedText(reason))}</td><td class="n">${count(n)}</td><td class="n">${share(n, packets)}</td></tr>
`,
  );
  return html`<section>${title}<p class="note">${total}</p><div class="scroll" tabindex="0" role="group" aria-labelledby="skipped"><table><thead><tr><th scope="col">${both(
    { en: 'Reason', ja: '理由' },
  )}</th><th scope="col">${both({ en: 'Meaning', ja: '内容' })}</th><th scope="col" class="n">${both({
    en: 'Packets',
    ja: 'パケット数',
  })}</th><th scope="col" class="n">${both({ en: 'Share', ja: '割合' })}</th></tr></thead><tbody>${body}</tbody></table></div></section>`;
}

const MEANINGS: [term: Words, meaning: Words][] = [
  [
    { en: 'Scanning sources', ja: 'スキャン送信元' },
    {
      en: 'Distinct source addresses less those seen only in backscatter.',
      ja: '送信元アドレス数から、バックスキャッターのみで観測されたアドレスを除いた数です。',
    },
  ],
  [
    { en: 'Backscatter', ja: 'バックスキャッター' },
    {
      en: 'Answers of a host that was flooded in the name of the observed addresses, such as SYN-ACK, RST or ICMP unreachable: a sign of an attack elsewhere, not of a scan here.',
      ja: '送信元アドレスを観測対象のアドレスに詐称した攻撃を受けたホストからの応答（SYN-ACK、RST、ICMP到達不能など）です。スキャンではなく、別の場所で起きている攻撃の痕跡です。',
    },
  ],
  [
    { en: 'Tools', ja: 'ツール' },
    {
      en: 'Packets are counted by the mark a tool leaves in each; a source is confirmed as a tool’s only after two of its packets in a UTC day. Newer ZMap leaves no mark, so its figure is a floor.',
      ja: 'パケット数は各パケットに残るツールの特徴で数え、送信元数は同じUTC日に2パケット以上が一致したアドレスだけを数えます。新しいZMapは特徴を残さないため、ZMapの数値は下限値です。',
    },
  ],
  [
    { en: '≈', ja: '≈' },
    {
      en: `An estimate. Distinct sources are exact up to ${count(exactSourcesMax)} (${count(exactCellSourcesMax)} for one port or one country in an hour and for one port from one country), the ports of one source up to ${count(exactPortsMax)}; beyond that a sketch estimates them.`,
      ja: `推定値です。送信元アドレス数は${count(exactSourcesMax)}（1時間ごとのポート別・地域別の値およびポートと地域の組み合わせでは${count(exactCellSourcesMax)}、1つの送信元が接触したポート数では${count(exactPortsMax)}）までは正確な値、それを超えるとスケッチによる推定値です。`,
    },
  ],
  [
    { en: 'Sources a day', ja: '送信元数/日' },
    {
      en: 'Mean of the days’ distinct sources. An address seen on two days counts on both, so the days are never added up.',
      ja: '日ごとの送信元アドレス数の平均です。同じアドレスが複数の日に現れることがあるため、日をまたいで合計しません。',
    },
  ],
];

const database = ({ name, built }: GeoSource): Words => ({
  en: `${name}, built ${built}`,
  ja: `${name}（作成日 ${built}）`,
});

/** Days with more sources than are kept, if there are any. */
const sampleWords = (days: Results['days']): Words | undefined => {
  const sampled = days.filter(day => day.sample !== undefined).map(day => `${day.date} (1/${1 / day.sample!})`);
  if (sampled.length === 0) return undefined;
  return {
    en: `On ${sampled.join(', ')} there were more sources than are kept: the sources of tools, and Nmap’s packets, are scaled up from a uniform sample of that share of the sources, and the busiest sources are those of the sample.`,
    ja: `${sampled.join('、')}は送信元が保持できる数を超えたため、ツールの送信元数とNmapのパケット数は、括弧内の割合で無作為に抽出した送信元からの推定値です。送信元の一覧も抽出した送信元のみを対象としています。`,
  };
};

export function methodHtml({ geo, asn, days }: Results): Html {
  const sampled = sampleWords(days);
  const entry = (term: Words, meaning: Words) => html`<dt>${both(term)}</dt><dd>${both(meaning)}</dd>
`;
  return html`<section><h2 id="method">${both({ en: 'How this was made', ja: '集計方法' })}</h2>
<p class="note">${both({
    en: 'All days and hours are UTC. Every packet is unsolicited traffic to addresses where nothing lives; payloads are never read.',
    ja: '日付・時刻はすべてUTCです。パケットは、使われていないアドレス宛に届いたものです。ペイロードは参照していません。',
  })}</p>
<dl class="method">${MEANINGS.map(([term, meaning]) => entry(term, meaning))}${entry(
    { en: 'Countries', ja: '地域' },
    {
      en: `Where a source address is registered, not where its user is: ${database(geo).en}.`,
      ja: `送信元アドレスの割り当て先です。利用者の所在地とは限りません。データベースは${database(geo).ja}です。`,
    },
  )}${sampled && entry({ en: 'Sample', ja: '抽出' }, sampled)}${asn && entry({ en: 'Autonomous systems', ja: 'AS番号' }, database(asn))}</dl></section>`;
}
