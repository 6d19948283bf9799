/**
 * The world map on a page. Its shapes are a file of their own, loaded when a map is wanted, so that the first figures need not wait
 * for them: import this module with `import()`.
 */
import { type MapFigures, mapChart, mapValue, placesOf } from '../../charts/map.ts';
import { WORLD } from '../../charts/world.ts';
import { allocatedMin, perMillion } from '../../density.ts';
import { countryName } from '../../names.ts';
import { count, roughShare } from '../../words.ts';
import { h, language, pathOf, say } from './dom.ts';
import { panel, readout } from './panel.ts';
import type { Ranked } from './rows.ts';
import { capital, countryText, datesText, meanText } from './sentences.ts';
import type { MeasureName } from './view.ts';

export interface WorldOptions {
  readonly id: string;
  readonly title: string;
  readonly measure: MeasureName;
  /** Countries of the period, whatever their order. */
  readonly rows: readonly Ranked[];
  /** All countries that were seen are among the rows: who is not, was not seen. */
  readonly complete: boolean;
  /** IPv4 addresses of a country; for `density`. */
  readonly allocated?: ReadonlyMap<string, number>;
  /** First and last day of the period. */
  readonly from: string;
  readonly to: string;
  readonly days: number;
  readonly source: string;
}

/** What the map shows of a row; undefined where there is no figure. */
export function measureOf(
  row: Ranked,
  { measure, allocated, days }: Pick<WorldOptions, 'measure' | 'allocated' | 'days'>,
) {
  if (measure === 'packets') return row.meanPerSensor === null ? undefined : row.meanPerSensor / days;
  if (row.sources === null || measure === 'sources') return row.sources ?? undefined;
  return perMillion(row.sources, allocated?.get(row.key));
}

const UNITS = {
  packets: {
    unit: { en: 'Packets', ja: 'パケット' },
    caption: { en: 'Mean packets per sensor and day', ja: 'センサー1台・1日あたりの平均パケット数' },
  },
  sources: {
    unit: { en: 'Sources', ja: '送信元' },
    caption: { en: 'Distinct source addresses of the period', ja: '期間中の送信元アドレス数（重複なし）' },
  },
  density: {
    unit: { en: 'Per million', ja: '100万あたり' },
    caption: {
      en: `Distinct source addresses per million IPv4 addresses allocated to the country, of those with ${count(allocatedMin)} or more`,
      ja: `割り当てられたIPv4アドレス100万個あたりの送信元アドレス数（割り当て${count(allocatedMin)}個以上の地域）`,
    },
  },
} as const;

/** Of few per million the first digits count, however small. */
const densityText = (value: number): string => (value >= 9.95 ? count(value) : String(Number(value.toPrecision(2))));

const TEXTS = { packets: meanText, sources: count, density: densityText } as const;

export function worldFigure(options: WorldOptions): HTMLElement {
  const { id, title, measure, source } = options;
  const chart = figuresOf(options);
  const { textOf, unit, values } = chart;
  const nameOf = (code: string) => countryName(code)[language];
  const ordered = [...values].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const ranks = new Map(ordered.map(([code], n) => [code, n + 1]));
  return panel({
    ...{ id, title, caption: captionOf(options), active: true },
    source: `${source}${say({ en: '; shapes and borders: Natural Earth', ja: '。地形・境界：Natural Earth' })}`,
    draw: canvas => mapChart(chart, canvas),
    csv: () => [['country', 'name', measure], ...ordered.map(([code, value]) => [code, nameOf(code), String(value)])],
    table: () => ({
      head: [say({ en: 'Country', ja: '地域' }), unit[language]],
      rows: ordered.map(([code, value]) => [h('a', { href: pathOf.country(code) }, nameOf(code)), textOf(value)]),
    }),
    drawn: (svg, plot) => {
      reachable(svg, ranks);
      readOff(svg, plot, code => [nameOf(code), figureText(mapValue(chart, code), textOf, ranks.get(code))]);
    },
  });
}

function figuresOf(options: WorldOptions): MapFigures {
  const { id, measure, rows, complete, allocated } = options;
  const values = new Map<string, number>();
  for (const row of rows) {
    const value = measureOf(row, options);
    if (value !== undefined) values.set(row.key, value);
  }
  const isUnknown = (code: string) => perMillion(0, allocated?.get(code)) === undefined;
  const unmeasured = rows.filter(({ key }) => !values.has(key)).map(({ key }) => key);
  const unknown = measure === 'density' ? placesOf(WORLD).filter(isUnknown) : unmeasured;
  const textOf = TEXTS[measure];
  return {
    ...{ id, world: WORLD, values, textOf, language, unit: UNITS[measure].unit },
    absent: complete ? 'zero' : 'unknown',
    ...(unknown.length > 0 && { unknown: new Set(unknown) }),
    linkOf: (code, text) => ({ href: pathOf.country(code), label: `${countryName(code)[language]}: ${text}` }),
  };
}

function figureText(value: number | undefined, textOf: (value: number) => string, rank: number | undefined): string {
  if (value === undefined) return say({ en: 'no figure', ja: 'データなし' });
  if (value === 0) return say({ en: 'none seen', ja: '観測なし' });
  return `${textOf(value)} · ${say({ en: `rank ${rank}`, ja: `${rank}位` })}`;
}

function captionOf(options: WorldOptions): string {
  const [unit, span] = [UNITS[options.measure].caption[language], datesText(options.from, options.to)];
  return language === 'en'
    ? `${unit}, ${span}. UTC. ${offMap(options)}`.trim()
    : `${unit}、${span}。UTC。${offMap(options)}`;
}

/** What has no place on a map is said: unknown origins, and codes that stand for no country. */
function offMap({ rows }: WorldOptions): string {
  const places = placesOf(WORLD);
  const parts = rows
    .filter(({ key, share }) => !places.includes(key) && share > 0)
    .map(({ key, share }) => {
      const text = say(roughShare(share, 1));
      return language === 'en' ? `${capital(countryText(key))} (${text})` : `${countryText(key)}（${text}）`;
    });
  if (parts.length === 0) return '';
  return say({ en: `Not on the map: ${parts.join(', ')}.`, ja: `地図外：${parts.join('、')}。` });
}

/** One stop for the tabulator, the arrows go from rank to rank: a hundred stops would be a wall. */
function reachable(svg: SVGElement, ranks: ReadonlyMap<string, number>): void {
  const rankOf = (link: SVGElement) => ranks.get(link.dataset.code!) ?? ranks.size;
  const links = [...svg.querySelectorAll<SVGAElement>('a')].sort((a, b) => rankOf(a) - rankOf(b));
  for (const [n, link] of links.entries()) link.setAttribute('tabindex', n === 0 ? '0' : '-1');
  svg.addEventListener('keydown', event => {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const at = links.indexOf(document.activeElement as unknown as SVGAElement);
    if (steps === undefined || at < 0) return;
    event.preventDefault();
    const next = links[Math.min(links.length - 1, Math.max(0, at + steps))]!;
    links[at]!.setAttribute('tabindex', '-1');
    next.setAttribute('tabindex', '0');
    next.focus();
  });
}

/** Name and figure of the country under the pointer, or of the one with the focus. */
function readOff(svg: SVGElement, plot: HTMLElement, textsOf: (code: string) => readonly [string, string]): void {
  plot.querySelector('.readout')?.remove();
  const box = readout(plot);
  const show = (target: EventTarget | null, x: number, y: number) => {
    const code = (target as SVGElement | null)?.closest<SVGElement>('[data-code]')?.dataset.code;
    if (code === undefined) return box.hide();
    const [name, figure] = textsOf(code);
    box.show(x, y, h('strong', {}, name), h('br'), figure);
  };
  svg.addEventListener('pointermove', event => {
    const { left, top } = plot.getBoundingClientRect();
    show(event.target, event.clientX - left, event.clientY - top);
  });
  svg.addEventListener('pointerleave', box.hide);
  svg.addEventListener('focusin', event => {
    const [outer, inner] = [plot, event.target as SVGElement].map(one => one.getBoundingClientRect());
    show(event.target, inner!.left + inner!.width / 2 - outer!.left, inner!.top + inner!.height / 2 - outer!.top);
  });
  svg.addEventListener('focusout', box.hide);
}
