/** What happened, in sentences and a few large figures, in both languages: what a reader takes away who reads no further. */

import { type Rise, rises } from '../../publish/changes.ts';
import { both, type Html, html } from '../../publish/html.ts';
import { countryName, exactSourcesMax, targetLabel } from '../../publish/names.ts';
import { serviceName } from '../../publish/services.ts';
import type { Total } from '../../publish/totals.ts';
import { count, dayRange, listed, plural, roughShare, type Words } from '../../publish/words.ts';
import type { CountryRow, DayResult, PortRow, Results } from '../../reduce/results.ts';

/** A result with its tables added up over its days. */
export interface Summed {
  results: Results;
  ports: Total<PortRow>[];
  countries: Total<CountryRow>[];
}

/** "23/tcp (telnet)", 「23/tcp（telnet）」, the service only where it has a name. */
function targetWords(row: PortRow): Words {
  const [label, service] = [targetLabel(row), serviceName(row)];
  return service === '' ? { en: label, ja: label } : { en: `${label} (${service})`, ja: `${label}（${service}）` };
}

/** Smallest and largest of the days' counts: distinct sources of different days cannot be added. */
function perDay(days: readonly DayResult[], what: 'sources' | 'scanningSources'): Words {
  const values = days.map(day => day[what]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const estimated = high > exactSourcesMax;
  const [en, ja] =
    low === high ? [count(low), count(low)] : [`${count(low)}–${count(high)}`, `${count(low)}～${count(high)}`];
  return { en: `${estimated ? '≈' : ''}${en}`, ja: `${estimated ? '約' : ''}${ja}` };
}

/** Countries whose English name takes an article in a sentence. */
const WITH_ARTICLE = new Set(['AE', 'BS', 'CF', 'DO', 'GB', 'GM', 'MV', 'NL', 'PH', 'US']);

/** "the Netherlands (9%)", 「オランダ（9%）」. */
function originWords(code: string, part: Words): Words {
  const { en, ja } = countryName(code);
  const name = code === '??' ? 'unknown countries' : WITH_ARTICLE.has(code) ? `the ${en}` : en;
  return { en: `${name} (${part.en})`, ja: `${ja}（${part.ja}）` };
}

function headline({ days, records }: Results): Words {
  if (days.length === 0) return { en: 'No records in these captures', ja: '観測記録はありませんでした' };
  const sources = perDay(days, 'sources');
  if (days.length === 1) {
    return {
      en: `${plural(records, 'packet', 'packets')} from ${sources.en} ${days[0].sources === 1 ? 'source' : 'sources'} in one day`,
      ja: `1日間に${count(records)}パケットを観測、送信元は${sources.ja}アドレス`,
    };
  }
  return {
    en: `${plural(records, 'packet', 'packets')} on ${days.length} days, from ${sources.en} sources a day`,
    ja: `${days.length}日間に${count(records)}パケットを観測、送信元は1日あたり${sources.ja}アドレス`,
  };
}

function lede({ results: { records }, ports, countries }: Summed): Words {
  const [port, ...nextPorts] = ports;
  const nextLabels = nextPorts.slice(0, 2).map(({ key }) => key);
  const origins = countries.slice(0, 3).map(({ key, packets }) => originWords(key, roughShare(packets, records)));
  const [firstJa, ...nextJa] = origins.map(({ ja }) => ja);
  const portShare = roughShare(port.packets, records);
  return {
    en:
      `The most targeted port was ${targetWords(port.row).en} with ${portShare.en} of all packets` +
      `${nextLabels.length > 0 ? `, followed by ${listed(nextLabels, 'en')}` : ''}. ` +
      `${origins.length > 1 ? 'Most packets' : 'They'} came from ${listed(
        origins.map(({ en }) => en),
        'en',
      )}.`,
    ja:
      `宛先ポート別では${targetWords(port.row).ja}が最も多く、全体の${portShare.ja}を占めました` +
      `${nextLabels.length > 0 ? `（次いで${listed(nextLabels, 'ja')}）` : ''}。` +
      `送信元地域別では${firstJa}が最も多く${nextJa.length > 0 ? `、${listed(nextJa, 'ja')}が続きました` : 'なりました'}。`,
  };
}

/** Where a target's packets of its day came from: the two largest countries and their shares. */
function originsOf(day: DayResult, label: string): Words[] {
  const rows = day.portCountries().filter(row => targetLabel(row) === label);
  const total = rows.reduce((sum, row) => sum + row.packets, 0);
  return rows
    .sort((a, b) => b.packets - a.packets)
    .slice(0, 2)
    .map(({ country, packets }) => originWords(country, roughShare(packets, total)));
}

function riseWords(rise: Rise, target: PortRow, day: DayResult): Words {
  const origins = originsOf(day, rise.key);
  const en = listed(
    origins.map(words => words.en),
    'en',
  );
  const ja = listed(
    origins.map(words => words.ja),
    'ja',
  );
  const factor = rise.usual > 0 ? count(rise.packets / rise.usual) : '';
  const on = dayRange(rise.date, rise.date);
  return {
    en:
      `${targetWords(target).en} rose on ${on.en} to ${count(rise.packets)} packets, ` +
      `${factor ? `${factor} times its usual level` : 'having been unseen on most days'}; most came from ${en}.`,
    ja:
      `${on.ja}、${targetWords(target).ja}宛のパケットが${count(rise.packets)}件に増加` +
      `${factor ? `し、平常時の約${factor}倍となりました` : 'しました（ほかの日はほとんど観測なし）'}。主な送信元地域は${ja}です。`,
  };
}

/** Ports that stood out on a day, as sentences; nothing where there are too few days to know what is usual. */
function risesHtml({ results: { days }, ports }: Summed): Html | undefined {
  const found = rises(
    days,
    day => day.ports,
    row => targetLabel(row),
  );
  if (found.length === 0) return undefined;
  const items = found.map(rise => {
    const target = ports.find(({ key }) => key === rise.key)!.row;
    const day = days.find(({ date }) => date === rise.date)!;
    return html`<li>${both(riseWords(rise, target, day))}</li>`;
  });
  return html`<ul class="rises">${items}</ul>`;
}

function figures({ results, ports, countries }: Summed): Html {
  const { days } = results;
  const tile = (name: Words, value: Words | string) =>
    html`<div><dt>${both(name)}</dt><dd>${typeof value === 'string' ? value : both(value)}</dd></div>`;
  const aDay: Words = days.length > 1 ? { en: ' a day', ja: '/日' } : { en: '', ja: '' };
  return html`<dl class="figures">
${tile({ en: 'packets', ja: 'パケット数' }, count(results.records))}
${tile({ en: `sources${aDay.en}`, ja: `送信元アドレス数${aDay.ja}` }, perDay(days, 'sources'))}
${tile({ en: `scanning sources${aDay.en}`, ja: `スキャン送信元数${aDay.ja}` }, perDay(days, 'scanningSources'))}
${tile({ en: 'ports seen', ja: '宛先ポートの種類' }, count(ports.length))}
${tile({ en: 'source countries', ja: '送信元地域の数' }, count(countries.filter(({ key }) => key !== '??').length))}
</dl>`;
}

/** The head of the report: the days, the headline, what stood out, the large figures. */
export function summaryHtml(summed: Summed): Html {
  const { days } = summed.results;
  const head = html`<h1>${both(headline(summed.results))}</h1>`;
  if (days.length === 0) return html`<p class="when">UTC</p>${head}`;
  const range = dayRange(days[0].date, days.at(-1)!.date);
  return html`<p class="when">${both({ en: `${range.en}, UTC`, ja: `${range.ja}（UTC）` })}</p>${head}
<p class="lede">${both(lede(summed))}</p>${risesHtml(summed)}${figures(summed)}`;
}
