/** The report's world map: where the packets came from, small countries as dots, with all of them in a table. */
import { mapChart, placesOf } from '../../publish/charts/map.ts';
import { WORLD } from '../../publish/charts/world.ts';
import { perMillion } from '../../publish/density.ts';
import { both, type Html, html } from '../../publish/html.ts';
import { countryName } from '../../publish/names.ts';
import type { Total } from '../../publish/totals.ts';
import { count, listed, share, type Words } from '../../publish/words.ts';
import type { CountryRow } from '../../reduce/results.ts';
import { figureHtml, scrolling } from './figures.ts';
import type { Drawing } from './sections.ts';
import { sourcesADay } from './tables.ts';

/** `allocated`: IPv4 addresses of each country, where they are known. */
export function worldSection(drawing: Drawing, allocated?: ReadonlyMap<string, number>): Html {
  const { countries, source, document } = drawing;
  const values = new Map(countries.map(({ key, packets }) => [key, packets]));
  const figure = figureHtml(
    {
      id: 'world-chart',
      titleId: 'world',
      caption: captionOf(drawing),
      source: {
        en: `${source.en}; shapes and borders: Natural Earth`,
        ja: `${source.ja}。地形・境界：Natural Earth`,
      },
      size: 'full',
      draw: canvas =>
        mapChart(
          { world: WORLD, values, absent: 'zero', unit: { en: 'Packets', ja: 'パケット' }, textOf: count, id: 'world' },
          canvas,
        ),
      table: countriesTable(drawing, allocated),
    },
    document,
  );
  return html`<section><h2 id="world">${both({ en: 'World map of sources', ja: '送信元の世界地図' })}</h2>${figure}</section>`;
}

/** What has no place on a map is said: unknown origins, and codes that stand for no country. */
function captionOf({ countries, results: { records } }: Drawing): Words {
  const places = placesOf(WORLD);
  const off = countries.filter(({ key }) => !places.includes(key));
  const parts = (language: 'en' | 'ja') =>
    off.map(({ key, packets }) => {
      const text = share(packets, records);
      return language === 'en' ? `${countryName(key).en} (${text})` : `${countryName(key).ja}（${text}）`;
    });
  const rest =
    off.length === 0
      ? { en: '', ja: '' }
      : { en: ` Not on the map: ${listed(parts('en'), 'en')}.`, ja: `地図外：${listed(parts('ja'), 'ja')}。` };
  return {
    en: `Packets by country of their source, colours by quantiles.${rest.en}`,
    ja: `送信元地域別のパケット数。色は分位点による区分。${rest.ja}`,
  };
}

function countriesTable({ countries, results }: Drawing, allocated: ReadonlyMap<string, number> | undefined): Html {
  const days = results.days.length;
  const column = (words: Words) => html`<th scope="col" class="n">${both(words)}</th>`;
  const rows = countries.map(total => {
    const perMillion =
      allocated === undefined ? undefined : html`<td class="n">${perMillionText(total, days, allocated)}</td>`;
    return html`<tr><th scope="row">${total.key} <span class="sub">${both(countryName(total.key))}</span></th><td class="n">${count(total.packets)}</td><td class="n">${sourcesADay(total, days)}</td>${perMillion}</tr>
`;
  });
  const aDay = days > 1 ? { en: 'Sources a day', ja: '送信元数/日' } : { en: 'Sources', ja: '送信元数' };
  const head = [
    column({ en: 'Packets', ja: 'パケット数' }),
    column(aDay),
    allocated === undefined
      ? undefined
      : column({ en: 'Sources per million IPv4 addresses', ja: 'IPv4アドレス100万個あたりの送信元数' }),
  ];
  return scrolling(
    html`<table><thead><tr><th scope="col">${both({ en: 'Country', ja: '送信元地域' })}</th>${head}</tr></thead><tbody>${rows}</tbody></table>`,
    'world',
  );
}

function perMillionText(
  { key, sourceDays }: Total<CountryRow>,
  days: number,
  allocated: ReadonlyMap<string, number>,
): string {
  const value = perMillion(sourceDays / days, allocated.get(key));
  return value === undefined ? '–' : String(Number(value.toPrecision(3)));
}
