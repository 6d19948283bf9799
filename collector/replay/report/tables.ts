/** The report's rankings: ports, countries, busiest sources, and the days one by one. */

import { sparkSvg } from '../../publish/charts/spark.ts';
import { both, Html, html } from '../../publish/html.ts';
import { asnText, countryName, exactPortsMax, exactSourcesMax, sourcesText, targetLabel } from '../../publish/names.ts';
import type { Timeline } from '../../publish/series.ts';
import { serviceName } from '../../publish/services.ts';
import type { Total } from '../../publish/totals.ts';
import { count, plural, share, type Words } from '../../publish/words.ts';
import type { CountryRow, DayResult, PortRow, SourceRow } from '../../reduce/results.ts';
import { scrolling } from './figures.ts';

const column = (name: Words, className = 'n'): Html => html`<th scope="col" class="${className}">${both(name)}</th>`;

const barOf = (part: number, whole: number): Html =>
  html`<td class="bars"><span class="bar" style="--part:${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)}"></span></td>`;

const PACKETS: Words = { en: 'Packets', ja: 'パケット数' };
const SHARE: Words = { en: 'Share', ja: '割合' };
const SOURCES: Words = { en: 'Sources', ja: '送信元数' };
const SOURCES_A_DAY: Words = { en: 'Sources a day', ja: '送信元数/日' };
const TREND: Words = { en: 'Over time', ja: '推移' };

interface Ranking<Row> {
  titleId: string;
  head: Words;
  totals: readonly Total<Row>[];
  nameOf: (total: Total<Row>) => Html;
  timeline: Timeline;
  days: number;
  packets: number;
  /** How those that have no row are called: "12,345 others". */
  rest: (left: readonly Total<Row>[]) => Words;
}

/**
 * Mean of the days' distinct sources; below ten to a tenth, so that one source on one of many days does not read as none.
 * Of one day it is the day's count.
 */
export function sourcesADay({ sourceDays, estimated }: Total<unknown>, days: number): string {
  const mean = sourceDays / days;
  if (days > 1 && mean < 9.95) return mean > 0 && mean < 0.05 ? '<0.1' : mean.toFixed(1);
  const rounded = Math.round(mean);
  return `${estimated && rounded <= exactSourcesMax ? '≈' : ''}${sourcesText(rounded)}`;
}

/** Rows as many as the timeline has series, and one for all that follow. */
function rankingTable<Row>({ titleId, head, totals, nameOf, timeline, days, packets, rest }: Ranking<Row>): Html {
  const shown = totals.slice(0, timeline.series.length);
  const largest = shown[0]?.packets ?? 0;
  const rows = shown.map((total, i) => {
    return html`<tr><th scope="row">${nameOf(total)}</th><td class="n">${count(total.packets)}</td><td class="n">${share(total.packets, packets)}</td>${barOf(total.packets, largest)}<td class="n">${sourcesADay(total, days)}</td><td class="trend">${new Html(sparkSvg(timeline.series[i].values))}</td></tr>
`;
  });
  const left = totals.slice(shown.length);
  const leftPackets = left.reduce((sum, total) => sum + total.packets, 0);
  const last =
    left.length > 0
      ? html`<tr><th scope="row" class="sub">${both(rest(left))}</th><td class="n">${count(leftPackets)}</td><td class="n">${share(leftPackets, packets)}</td><td class="bars"></td><td></td><td class="trend"></td></tr>`
      : undefined;
  return scrolling(
    html`<table><thead><tr><th scope="col">${both(head)}</th>${column(PACKETS)}${column(SHARE)}<td class="bars"></td>${column(days > 1 ? SOURCES_A_DAY : SOURCES)}${column(TREND, 'trend')}</tr></thead><tbody>${rows}${last}</tbody></table>`,
    titleId,
  );
}

interface Shown<Row> {
  titleId: string;
  totals: readonly Total<Row>[];
  timeline: Timeline;
  days: number;
  packets: number;
}

export const portsTable = (shown: Shown<PortRow>): Html =>
  rankingTable({
    ...shown,
    head: { en: 'Port', ja: '宛先ポート' },
    nameOf: ({ key, row }) => html`${key} <span class="sub">${serviceName(row)}</span>`,
    rest: ({ length }) => ({ en: plural(length, 'other', 'others'), ja: `その他${count(length)}種類` }),
  });

export const countriesTable = (shown: Shown<CountryRow>): Html =>
  rankingTable({
    ...shown,
    head: { en: 'Country', ja: '送信元地域' },
    nameOf: ({ key }) => html`${key} <span class="sub">${both(countryName(key))}</span>`,
    rest: otherCountries,
  });

/** Unknown is no country: the figure above the table does not count it either. */
function otherCountries(left: readonly Total<CountryRow>[]): Words {
  const known = left.filter(({ key }) => key !== '??').length;
  const others: Words = { en: plural(known, 'other', 'others'), ja: `その他${count(known)}地域` };
  if (known === left.length) return others;
  return known === 0 ? countryName('??') : { en: `${others.en} and unknown`, ja: `${others.ja}と不明` };
}

/** Packets of an address added over the days on which it was among the busiest; ports are its most in one day. */
function busiest(days: readonly DayResult[], max: number): SourceRow[] {
  const byAddress = new Map<string, SourceRow>();
  for (const source of days.flatMap(day => day.topSources)) {
    const known = byAddress.get(source.address);
    if (known === undefined) byAddress.set(source.address, { ...source });
    else {
      known.packets += source.packets;
      known.ports = Math.max(known.ports, source.ports);
      if (source.last > known.last) known.last = source.last;
      if (source.first < known.first) known.first = source.first;
    }
  }
  const sources = [...byAddress.values()];
  return sources.sort((a, b) => b.packets - a.packets || (a.address < b.address ? -1 : 1)).slice(0, max);
}

/** ISO time to the minute; a moment of the one day reported needs no date. */
const minute = (time: string, oneDay: boolean): string =>
  `${oneDay ? '' : `${time.slice(5, 10)} `}${time.slice(11, 16)}`;

export function sourcesTable(days: readonly DayResult[], max: number, titleId: string): Html {
  const rows = busiest(days, max).map(
    source => html`<tr><th scope="row" class="address">${source.address}</th><td>${source.country} <span class="sub">${both(
      countryName(source.country),
    )}</span></td><td>${asnText(source.asn)}</td><td class="n">${count(source.packets)}</td><td class="n">${sourcesText(source.ports, exactPortsMax)}</td><td class="time">${minute(source.first, days.length === 1)} – ${minute(source.last, days.length === 1)}</td></tr>
`,
  );
  return scrolling(
    html`<table><thead><tr><th scope="col">${both({ en: 'Address', ja: 'アドレス' })}</th>${column(
      { en: 'Country', ja: '地域' },
      '',
    )}<th scope="col">ASN</th>${column(PACKETS)}${column({ en: 'Ports', ja: 'ポート数' })}${column(
      { en: 'First – last, UTC', ja: '最初～最後（UTC）' },
      '',
    )}</tr></thead><tbody>${rows}</tbody></table>`,
    titleId,
  );
}

export function daysTable(days: readonly DayResult[], titleId: string): Html {
  const largest = Math.max(...days.map(day => day.packets));
  const rows = days.map(day => {
    const [port] = day.ports;
    const [country] = day.countries;
    return html`<tr><th scope="row">${day.date}</th><td class="n">${count(day.packets)}</td>${barOf(day.packets, largest)}<td class="n">${sourcesText(day.sources)}</td><td class="n">${sourcesText(day.scanningSources)}</td><td>${port && targetLabel(port)} <span class="sub">${port && share(port.packets, day.packets)}</span></td><td>${country?.country} <span class="sub">${country && share(country.packets, day.packets)}</span></td></tr>
`;
  });
  return scrolling(
    html`<table><thead><tr><th scope="col">${both({ en: 'Day, UTC', ja: '日（UTC）' })}</th>${column(PACKETS)}<td class="bars"></td>${column(
      { en: 'Sources', ja: '送信元数' },
    )}${column({ en: 'Scanning', ja: 'スキャン送信元数' })}${column({ en: 'Top port', ja: '最多ポート' }, '')}${column(
      { en: 'Top country', ja: '最多地域' },
      '',
    )}</tr></thead><tbody>${rows}</tbody></table>`,
    titleId,
  );
}
