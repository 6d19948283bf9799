/** Whether a port is called everywhere or at one sensor: its packets by sensor, as far as the reader may know them. */
import { roughShare, share } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { h, pathOf, say } from './dom.ts';
import { isEven, type PortSensorRow, type SensorSum, sumsOf } from './sensor-sums.ts';
import { datesText, economyText } from './sentences.ts';
import { daysBefore } from './windows.ts';

const shownDays = 7;
const rowsMax = 12;
/** One sensor with so much of all is the story. */
const loneShare = 0.8;

/** Undefined where no sensor counted anything. */
export async function bySensor(port: string, to: string, signal: AbortSignal): Promise<HTMLElement | undefined> {
  const from = daysBefore(to, shownDays - 1);
  const answer = ask<PortSensorRow>(`/v1/days/${from}:${to}/port-sensors`, { port }, { signal });
  const sums = sumsOf((await orNone(answer, { rows: [] })).rows);
  const all = sums.reduce((sum, { packets }) => sum + packets, 0);
  if (sums.length === 0 || all === 0) return undefined;
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const head = h(
    'tr',
    {},
    column(say({ en: 'Sensor', ja: 'センサー' }), ''),
    h('td', { class: 'bars' }),
    column(say({ en: 'Share', ja: '割合' })),
  );
  const named = sums.filter(({ sensor }) => sensor !== null);
  const shown = [...named.slice(0, rowsMax), ...sums.filter(({ sensor }) => sensor === null)];
  const more = named.length - rowsMax;
  return h(
    'section',
    { class: 'sides by-sensor', id: 'by-sensor', 'aria-labelledby': 'by-sensor-title' },
    h('h2', { id: 'by-sensor-title' }, say({ en: 'All sensors, or one?', ja: '全センサーか、一部か' })),
    h('p', { class: 'answer' }, h('strong', {}, verdict(sums, all))),
    h(
      'p',
      { class: 'note' },
      say({
        en: `${datesText(from, to)}, packets to ${port} by sensor`,
        ja: `${datesText(from, to)}、${port}宛パケットのセンサー別内訳`,
      }),
    ),
    h(
      'table',
      {},
      h('thead', {}, head),
      h(
        'tbody',
        {},
        shown.map(one => row(one, all)),
      ),
    ),
    more > 0 ? h('p', { class: 'note' }, say({ en: `and ${more} more`, ja: `ほか${more}台` })) : undefined,
  );
}

/** "All 7 sensors saw it; the busiest had 22% of it.", or "…, evenly: about 14% each." */
function verdict(sums: readonly SensorSum[], all: number): string {
  const sensors = sums.reduce((sum, one) => sum + one.sensors, 0);
  const seen = sums.reduce((sum, one) => sum + one.seenBy, 0);
  const first = sums.reduce((best, one) => (one.busiest > best.busiest ? one : best));
  const part = roughShare(first.busiest, all);
  const name = first.sensor ?? say({ en: 'a sensor of others', ja: '他組織のセンサー1台' });
  if (seen === 1 && sensors > 1)
    return say({ en: `One of ${sensors} sensors alone: ${name}.`, ja: `${sensors}台中1台（${name}）だけで観測。` });
  const [english, japanese] =
    seen === sensors
      ? [sensors === 1 ? 'The only sensor saw it' : `All ${sensors} sensors saw it`, `${sensors}台すべてで観測`]
      : [`${seen} of ${sensors} sensors saw it`, `${sensors}台中${seen}台で観測`];
  if (sensors === 1) return say({ en: `${english}.`, ja: `${japanese}。` });
  if (isEven(sums)) {
    const each = roughShare(1, seen);
    const isBelow = seen > 100; // "less than 1%" is about nothing
    return say({
      en: `${english}, evenly: ${isBelow ? '' : 'about '}${each.en} each.`,
      ja: `${japanese}。ほぼ均等（各${isBelow ? '' : '約'}${each.ja}）。`,
    });
  }
  const lone = first.busiest >= loneShare * all;
  return say({
    en: `${english}${lone ? ', but' : ';'} ${name} had ${part.en} of it.`,
    ja: `${japanese}。${lone ? 'ただし' : '最も多い'}${name}が全体の${part.ja}。`,
  });
}

function row({ sensor, economy, sensors, seenBy, packets }: SensorSum, all: number): HTMLElement {
  const bar = h('span', { class: 'bar' });
  bar.style.width = `${(100 * packets) / all}%`;
  const others = say({ en: `${seenBy} of ${sensors} others`, ja: `他組織${sensors}台中${seenBy}台` });
  const name =
    sensor === null
      ? [others]
      : [
          h('a', { href: pathOf.sensor(sensor) }, sensor),
          h('span', { class: 'sub' }, economy === null ? '' : ` ${economyText(economy)}`),
        ];
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, name),
    h('td', { class: 'bars', 'aria-hidden': 'true' }, bar),
    h('td', { class: 'n' }, packets === 0 ? '0' : share(packets, all)),
  );
}
