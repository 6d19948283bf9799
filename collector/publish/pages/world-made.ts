/** An esbuild plugin: charts/world.ts as the value that it makes, so that what is bundled brings neither the atlas nor its tools. */
import type { Plugin } from 'esbuild';

export const worldMade: Plugin = {
  name: 'world-made',
  setup(build) {
    build.onLoad({ filter: /[\\/]publish[\\/]charts[\\/]world\.ts$/ }, async () => {
      const { WORLD } = await import('../charts/world.ts');
      return { contents: `export const WORLD = ${JSON.stringify(WORLD)};`, loader: 'js' };
    });
  },
};
