/** Who called a port on which day, or which ports a country called: more of them than a stack could tell apart. */
import { heatChart, heatColumns, heatPlace } from '../../charts/heat.ts';
import type { Timeline } from '../../series.ts';
import { h, language } from './dom.ts';
import { inLanguage, timelineData, valueText } from './figure.ts';
import { type PanelOptions, panel, readout } from './panel.ts';
import { utcText } from './sentences.ts';

export interface HeatFigureOptions extends Pick<PanelOptions, 'id' | 'title' | 'caption' | 'source'> {
  /** A series a row, of days. */
  readonly timeline: Timeline;
}

export function heatFigure({ timeline: given, ...rest }: HeatFigureOptions): HTMLElement {
  const timeline = inLanguage(given);
  const unit = { en: 'Packets', ja: 'パケット' };
  return panel({
    ...rest,
    draw: canvas => heatChart(timeline, { unit, language, textOf: valueText }, canvas),
    ...timelineData(timeline),
    drawn: (svg, plot) => readOff(svg, plot, timeline),
  });
}

function readOff(svg: SVGElement, plot: HTMLElement, timeline: Timeline): void {
  plot.querySelector('.readout')?.remove();
  const box = readout(plot);
  const { starts, series } = timeline;
  const columns = heatColumns(timeline);
  const width = Number(svg.getAttribute('width'));
  const { left, top, cell, rowHeight } = heatPlace(timeline, width);
  svg.addEventListener('pointerleave', box.hide);
  svg.addEventListener('pointermove', event => {
    const outer = svg.getBoundingClientRect();
    const zoom = outer.width / width;
    const [x, y] = [event.clientX - outer.left, event.clientY - outer.top];
    const start = columns[Math.floor((x / zoom - left) / cell)];
    const row = series[Math.floor((y / zoom - top) / rowHeight)];
    const value = start === undefined ? undefined : row?.values[starts.indexOf(start)];
    if (row === undefined || start === undefined || value === undefined) return box.hide();
    box.show(x, y, h('strong', {}, row.label[language]), h('br'), `${utcText(start, true)} UTC: ${valueText(value)}`);
  });
}
