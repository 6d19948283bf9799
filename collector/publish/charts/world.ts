/**
 * The world as a map needs it: countries as SVG paths on a grid of whole numbers, and points for those too small to be seen.
 *
 * Shapes and borders are Natural Earth's (public domain), 1:110m, as world-atlas has them, in the Equal Earth projection, which
 * keeps areas comparable; without Antarctica. Its countries carry ISO 3166-1 numeric codes; Intl knows (from CLDR) which
 * alpha-2 code each stands for. Points of countries that 1:110m leaves out are their centroids at 1:50m.
 *
 * esbuild puts the value in the place of this module (world-made.ts): no browser and no package needs the atlas or d3-geo.
 */
import { createRequire } from 'node:module';
// @ts-expect-error d3-geo, which comes with Plot, ships no types.
import { geoCentroid, geoEqualEarth, geoPath } from 'd3-geo';
import { feature } from 'topojson-client';

export interface World {
  readonly width: number;
  readonly height: number;
  /** Code of the country, '' of what has none; its outline, in relative steps. */
  readonly shapes: readonly (readonly [code: string, path: string])[];
  /** Where a dot stands for a country whose shape is missing or tiny. */
  readonly points: readonly (readonly [code: string, x: number, y: number])[];
}

/** Units of the grid: two for each pixel of a wide screen's map. */
const gridWidth = 1440;
/** A shape below so many square units is hardly to be seen: Luxembourg, Qatar, Jamaica. */
const tinyAreaMax = 30;
const ANTARCTICA = 'AQ';

/** Natural Earth gives Kosovo no number; geographies call it so. */
const NAMED: Readonly<Record<string, string>> = { Kosovo: 'XK' };

/** ISO 3166-1 codes that Natural Earth draws as a part of another state or not at 1:50m: longitude and latitude, by hand. */
const BY_HAND: Readonly<Record<string, readonly [number, number]>> = {
  BQ: [-68.3, 12.2],
  BV: [3.4, -54.4],
  CC: [96.8, -12.2],
  CX: [105.6, -10.5],
  GF: [-53.2, 4],
  GI: [-5.4, 36.1],
  GP: [-61.5, 16.2],
  MQ: [-61, 14.6],
  RE: [55.5, -21.1],
  SJ: [16, 78.5],
  TK: [-171.8, -9.2],
  TV: [179.2, -8.5],
  UM: [166.6, 19.3],
  YT: [45.2, -12.8],
};

interface Geometry {
  readonly id?: string;
  readonly properties: { readonly name: string };
}

type Topology = Parameters<typeof feature>[0];

const require = createRequire(import.meta.url);

function featuresOf(scale: '110m' | '50m', wanted: (code: string) => boolean): Geometry[] {
  const atlas = require(`world-atlas/countries-${scale}.json`) as Topology;
  const { geometries } = atlas.objects.countries as unknown as { geometries: Geometry[] };
  return geometries.filter(one => wanted(codeOf(one))).map(one => feature(atlas, one as never) as unknown as Geometry);
}

function codeOf({ id, properties }: Geometry): string {
  if (id === undefined) return NAMED[properties.name] ?? '';
  return new Intl.Locale(`und-${id}`).region ?? '';
}

export const WORLD: World = makeWorld();

function makeWorld(): World {
  const features = featuresOf('110m', code => code !== ANTARCTICA);
  const projection = geoEqualEarth().fitWidth(gridWidth, { type: 'FeatureCollection', features });
  const path = geoPath(projection);
  const height = Math.ceil(path.bounds({ type: 'FeatureCollection', features })[1][1]);
  const shapes = features.map((one): [string, string] => [codeOf(one), onGrid(path(one))]);
  const tiny = features.filter(one => path.area(one) < tinyAreaMax).map(one => [codeOf(one), path.centroid(one)]);
  const drawn = new Set(shapes.map(([code]) => code));
  const absent = featuresOf('50m', code => code !== ANTARCTICA && !drawn.has(code)).map(one => [
    codeOf(one),
    projection(geoCentroid(one)),
  ]);
  const byHand = Object.entries(BY_HAND).map(([code, place]) => [code, projection(place)]);
  const places = new Map(
    [...byHand, ...absent, ...tiny].filter(([code]) => code !== '') as [string, [number, number]][],
  );
  const points = [...places].map(([code, [x, y]]): [string, number, number] => [
    code,
    Math.min(gridWidth, Math.round(x)), // Tuvalu is beyond the last shape
    Math.round(y),
  ]);
  return { width: gridWidth, height, shapes, points };
}

/** `M1.4,2.6L2.2,3.1Z` -> `M1 3l1 0z`: whole units, steps relative, those of no length left out. */
function onGrid(path: string): string {
  return path
    .split('Z')
    .filter(ring => ring !== '')
    .map(ring => {
      const [first, ...rest] = ring
        .slice(1)
        .split('L')
        .map(point => point.split(',').map(value => Math.round(Number(value))) as [number, number]);
      let [x, y] = first!;
      const steps: number[] = [];
      for (const [nextX, nextY] of rest) {
        if (nextX === x && nextY === y) continue;
        steps.push(nextX - x, nextY - y);
        [x, y] = [nextX, nextY];
      }
      return steps.length < 4 ? '' : `M${joined(first!)}l${joined(steps)}z`;
    })
    .join('');
}

/** A minus sign separates by itself. */
function joined(values: readonly number[]): string {
  return values.join(' ').replaceAll(' -', '-');
}
