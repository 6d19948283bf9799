/** The report's sections with charts: packets over time, ports, countries, and what kind of traffic it was. */

import { DAY_MS } from '../../../common/time.ts';
import { type Bar, barsChart } from '../../publish/charts/bars.ts';
import type { ChartDocument } from '../../publish/charts/frame.ts';
import { linesChart } from '../../publish/charts/lines.ts';
import { stackChart } from '../../publish/charts/stack.ts';
import { both, type ContentWords, type Html, html } from '../../publish/html.ts';
import { exactSourcesMax, sourcesText } from '../../publish/names.ts';
import {
  classesTimeline,
  countriesTimeline,
  packetsTimeline,
  portsTimeline,
  type Timeline,
  toolsTimeline,
  withOther,
} from '../../publish/series.ts';
import { count, dayRange, plural, type Words } from '../../publish/words.ts';
import type { DayResult } from '../../reduce/results.ts';
import { figureHtml, scrolling, timelineTable } from './figures.ts';
import type { Summed } from './summary.ts';
import { countriesTable, portsTable } from './tables.ts';

export interface Drawing extends Summed {
  top: number;
  /** The days the charts show: all, or the main run of them. */
  charted: readonly DayResult[];
  /** What everything was counted from: below every chart. */
  source: Words;
  document: ChartDocument;
}

/** Series of a chart beside "other": ISDAS's and TSUBAME's number. */
const chartSeriesMax = 5;

const unitWords = ({ bucketMs }: Timeline): Words =>
  bucketMs === DAY_MS
    ? { en: 'Packets a day, UTC', ja: '1日あたりのパケット数（UTC）' }
    : { en: 'Packets an hour, UTC', ja: '1時間あたりのパケット数（UTC）' };

/** The unit, and the highest bucket in words: what the eye takes from the curve. */
function peakWords(timeline: Timeline): Words {
  const { starts, bucketMs, series } = timeline;
  const [{ values }] = series;
  const peak = values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
  const time = new Date(starts[peak]).toISOString();
  const when = bucketMs === DAY_MS ? time.slice(0, 10) : `${time.slice(0, 10)} ${time.slice(11, 16)}`;
  const unit = unitWords(timeline);
  return {
    en: `${unit.en}. Highest: ${count(values[peak])} on ${when}.`,
    ja: `${unit.ja}。最大は${when}の${count(values[peak])}パケット。`,
  };
}

/** Says which days the charts leave to the tables, where they leave any. */
function leftOut({ results: { days }, charted }: Drawing): Html | undefined {
  const left = days.length - charted.length;
  if (left === 0) return undefined;
  const range = dayRange(charted[0].date, charted.at(-1)!.date);
  return html`<p class="warn">${both({
    en: `Charts show ${range.en} only. ${plural(left, 'day', 'days')} far from it, perhaps of a wrong clock, ${left === 1 ? 'is' : 'are'} in the tables.`,
    ja: `グラフは${range.ja}のみを示します。大きく離れた${count(left)}日分（時計の誤りの可能性があります）は表にのみ含まれます。`,
  })}</p>`;
}

export function packetsSection(drawing: Drawing): Html {
  const { charted, source, document } = drawing;
  const timeline = packetsTimeline(charted);
  const figure = figureHtml(
    {
      id: 'packets-chart',
      titleId: 'packets',
      caption: peakWords(timeline),
      source,
      size: 'full',
      draw: canvas => stackChart(timeline, { ...canvas, height: canvas.height * 0.8 }),
      table: timelineTable(timeline, 'packets'),
    },
    document,
  );
  return html`<section><h2 id="packets">${both({ en: 'Packets over time', ja: 'パケット数の推移' })}</h2>${leftOut(drawing)}${figure}</section>`;
}

interface RankedSection {
  id: string;
  title: Words;
  timeline: Timeline;
  charted: readonly DayResult[];
  source: Words;
  document: ChartDocument;
  table: Html;
  warning?: Html;
}

function rankedSection({ id, title, timeline, charted, source, document, table, warning }: RankedSection): Html {
  const stacked = withOther(timeline, packetsTimeline(charted), chartSeriesMax);
  const unit = unitWords(timeline);
  const figure = figureHtml(
    {
      id: `${id}-chart`,
      titleId: id,
      caption: {
        en: `${unit.en}, stacked: the top ${stacked.series.length - (stacked.series.at(-1)?.key === 'other' ? 1 : 0)} and all others.`,
        ja: `${unit.ja}、積み上げ。上位${stacked.series.length - (stacked.series.at(-1)?.key === 'other' ? 1 : 0)}とその他。`,
      },
      source,
      size: 'full',
      draw: canvas => stackChart(stacked, canvas),
      table: timelineTable(stacked, id),
    },
    document,
  );
  return html`<section><h2 id="${id}">${both(title)}</h2>${warning}${figure}${table}</section>`;
}

export function portsSection({ results, charted, source, ports, top, document }: Drawing): Html {
  const labels = ports.slice(0, Math.max(top, chartSeriesMax)).map(({ key }) => key);
  const timeline = portsTimeline(charted, labels);
  return rankedSection({
    id: 'ports',
    title: { en: 'Destination ports', ja: '宛先ポート' },
    timeline,
    charted,
    source,
    document,
    table: portsTable({
      titleId: 'ports',
      totals: ports,
      timeline,
      days: results.days.length,
      packets: results.records,
    }),
  });
}

export function countriesSection(
  { results, charted, source, countries, top, document }: Drawing,
  warning?: Html,
): Html {
  const codes = countries.slice(0, Math.max(top, chartSeriesMax)).map(({ key }) => key);
  const timeline = countriesTimeline(charted, codes);
  return rankedSection({
    id: 'countries',
    title: { en: 'Source countries', ja: '送信元地域' },
    timeline,
    charted,
    source,
    document,
    warning,
    table: countriesTable({
      titleId: 'countries',
      totals: countries,
      timeline,
      days: results.days.length,
      packets: results.records,
    }),
  });
}

interface Kind {
  id: string;
  title: Words;
  /** Several days as a chart over time, one day as bars. */
  timeline: Timeline;
  over: 'stack' | 'lines';
  size: 'full' | 'half';
  textOf: (value: number) => string;
  caption: { several: Words; one: Words };
  source: Words;
}

function kindFigure({ id, title, timeline, over, size, textOf, caption, source }: Kind, document: ChartDocument): Html {
  const oneDay = timeline.starts.length === 1;
  const bars = timeline.series.map(
    ({ key, label, values }): Bar => ({
      key,
      label,
      value: values[0],
      text: textOf(values[0]),
    }),
  );
  const words: ContentWords = oneDay ? caption.one : caption.several;
  const figure = figureHtml(
    {
      id: `${id}-chart`,
      titleId: id,
      caption: words,
      source,
      size,
      draw: canvas =>
        oneDay
          ? barsChart(bars, canvas)
          : over === 'stack'
            ? stackChart(timeline, canvas)
            : linesChart(timeline, canvas),
      table: oneDay ? barsTable(bars, id) : timelineTable(timeline, id),
    },
    document,
  );
  return html`<div><h3 id="${id}">${both(title)}</h3>${figure}</div>`;
}

const barsTable = (bars: readonly Bar[], titleId: string): Html =>
  scrolling(
    html`<table><tbody>${bars.map(
      ({ label, text }) => html`<tr><th scope="row">${both(label)}</th><td class="n">${text}</td></tr>`,
    )}</tbody></table>`,
    titleId,
  );

const PACKETS_CAPTION = {
  several: { en: 'Packets a day, UTC', ja: '1日あたりのパケット数（UTC）' },
  one: { en: 'Packets', ja: 'パケット数' },
};

const CONFIRMED_CAPTION = {
  several: {
    en: `Confirmed sources a day, UTC; above ${count(exactSourcesMax)} estimated`,
    ja: `1日あたりの確認済み送信元数（UTC）。${count(exactSourcesMax)}超は推定値`,
  },
  one: { en: 'Confirmed sources', ja: '確認済み送信元数' },
};

/** Tools by packets and by confirmed sources, and the classes. */
export function kindsSection({ charted, source, document }: Drawing): Html {
  const tools = [
    kindFigure(
      {
        id: 'tool-packets',
        title: { en: 'Packets with a tool’s mark', ja: 'ツールの特徴をもつパケット' },
        timeline: toolsTimeline(charted, 'packets'),
        over: 'lines',
        size: 'half',
        textOf: count,
        caption: PACKETS_CAPTION,
        source,
      },
      document,
    ),
    kindFigure(
      {
        id: 'tool-sources',
        title: { en: 'Sources using a tool', ja: 'ツールを使う送信元' },
        timeline: toolsTimeline(charted, 'sources'),
        over: 'lines',
        size: 'half',
        textOf: sourcesText,
        caption: CONFIRMED_CAPTION,
        source,
      },
      document,
    ),
  ];
  const classes = kindFigure(
    {
      id: 'classes',
      title: { en: 'Scan, backscatter, other', ja: 'スキャン、バックスキャッター、その他' },
      timeline: classesTimeline(charted),
      over: 'stack',
      size: 'full',
      textOf: count,
      caption: PACKETS_CAPTION,
      source,
    },
    document,
  );
  return html`<section><h2>${both({ en: 'Tools and classes', ja: 'ツールと分類' })}</h2><div class="pair">${tools}</div><div class="after">${classes}</div></section>`;
}
