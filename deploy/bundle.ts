/**
 * Makes each program few files: it starts fast, stays small in memory, and brings no package that it does not use.
 *
 *     node deploy/bundle.ts OUT.mjs             writes the sensor, and what it loads when asked beside it
 *     node deploy/bundle.ts OUT.mjs --inputs    and lists the files it is made of, with their bytes in it
 *
 * The native addons stay packages beside it. The collector (deploy/package/ calls it) is a folder: its commands stay apart, to
 * be loaded when they are asked for, and its worker threads are programs of their own.
 */
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { worldMade } from '../collector/publish/pages/world-made.ts';

const root = path.dirname(import.meta.dirname);

/** Built for a machine and a Node: they cannot be in a file for all. */
export const NATIVE = ['better-sqlite3', 'pcap', '@duckdb/node-bindings'];

export interface Bundle {
  /** Files in the bundle, from the top of the repository, with the bytes each takes there; largest first. */
  readonly inputs: readonly (readonly [file: string, bytes: number])[];
  /** Packages that it needs beside it. */
  readonly packages: readonly string[];
}

/** CommonJS packages ask for Node's own modules by `require`. The name is one that no source uses. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);";

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  minifySyntax: true,
  legalComments: 'eof',
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Pieces that are loaded when they are asked for. */
const FOLDER = {
  outExtension: { '.js': '.mjs' },
  splitting: true,
  chunkNames: '[name]-[hash]',
  banner: { js: REQUIRE },
} as const satisfies BuildOptions;

/** Bundles the sensor into `file`, an .mjs; its thread and what both share lie beside it. */
export const bundleSensor = (file: string): Promise<Bundle> =>
  bundle({
    ...COMMON,
    ...FOLDER,
    entryPoints: { [path.basename(file, '.mjs')]: 'sensor/main.ts', ...workersOf('sensor') },
    outdir: path.dirname(path.resolve(file)),
    external: NATIVE,
    plugins: [besideBundle],
  });

/** The collector's program in its folder. */
export const COLLECTOR_PROGRAM = 'enaga.mjs';
/** Where in that folder the scripts of its pages are looked for; whoever makes the folder puts them there. */
export const COLLECTOR_PAGES = 'pages';

/** Bundles the collector into `folder`, flat: what names a file beside itself finds it, whichever piece it is in. */
export function bundleCollector(folder: string): Promise<Bundle> {
  return bundle({
    ...COMMON,
    ...FOLDER,
    entryPoints: { [path.basename(COLLECTOR_PROGRAM, '.mjs')]: 'collector/main.ts', ...workersOf('collector') },
    outdir: path.resolve(folder),
    // jsdom draws without a canvas if there is none, and the pages' scripts are made ahead.
    external: [...NATIVE, '@napi-rs/canvas', 'esbuild'],
    plugins: [worldMade, besideBundle], // of two that know a file the first has it
  });
}

const NAMED_FILE = /new URL\(\s*'(\.[^']*)',\s*import\.meta\.url,?\s*\)/g;
const isWorker = (named: string): boolean => /^\.\/[^/]+\.ts$/.test(named);

/** Source files that are named as the program of a thread, by their names in the bundle. */
const workersOf = (folder: string): Record<string, string> => {
  const files = globSync(`${folder}/**/*.ts`, { cwd: root }).flatMap(file =>
    [...readFileSync(path.join(root, file), 'utf8').matchAll(NAMED_FILE)]
      .filter(([, named]) => isWorker(named!))
      .map(([, named]) => path.join(path.dirname(file), named!)),
  );
  return Object.fromEntries(files.map(file => [path.basename(file, '.ts'), file]));
};

/** Files that sources name by their own place lie beside the bundle: threads, and what was made ahead. */
const besideBundle: Plugin = {
  name: 'beside-bundle',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:collector|sensor)[\\/].*\.ts$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      const contents = text.replaceAll(NAMED_FILE, (whole, named: string) => {
        if (isWorker(named)) return `new URL('./${path.basename(named, '.ts')}.mjs', import.meta.url)`;
        return named.endsWith('/enaga-pages') ? `new URL('./${COLLECTOR_PAGES}', import.meta.url)` : whole;
      });
      return { contents, loader: 'ts' };
    });
    // A thread for synchronous requests, which no chart makes: jsdom looks for its file as it loads.
    onLoad({ filter: /jsdom[\\/].*[\\/]XMLHttpRequest-impl\.js$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      return { contents: text.replace('require.resolve("./xhr-sync-worker.js")', 'undefined'), loader: 'js' };
    });
  },
};

/** Packages of which a source of ours asks for the addon alone: by `createRequire`, which esbuild does not look into. */
async function addonsOf(input: string): Promise<string[]> {
  if (!/^(collector|common|sensor)\//.test(input)) return [];
  const text = await readFile(path.join(root, input), 'utf8');
  return NATIVE.filter(name => new RegExp(`\\('${name}/[^']+\\.node'\\)`).test(text));
}

async function bundle(options: BuildOptions & { metafile: true }): Promise<Bundle> {
  const { metafile } = await build(options);
  const bytesOf = new Map<string, number>();
  const packages = new Set<string>();
  for (const { inputs, imports } of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs))
      bytesOf.set(input, (bytesOf.get(input) ?? 0) + bytesInOutput);
    for (const { path: imported } of imports) if (NATIVE.includes(imported)) packages.add(imported);
    for (const input of Object.keys(inputs)) for (const name of await addonsOf(input)) packages.add(name);
  }
  return { inputs: [...bytesOf].sort((a, b) => b[1] - a[1]), packages: [...packages].sort() };
}

if (import.meta.main) {
  const [file, option] = process.argv.slice(2);
  if (file === undefined) {
    process.stderr.write('usage: node deploy/bundle.ts OUT.mjs [--inputs]\n');
    process.exitCode = 2;
  } else {
    const { inputs } = await bundleSensor(file);
    if (option === '--inputs')
      for (const [input, bytes] of inputs) process.stdout.write(`${String(bytes).padStart(8)}  ${input}\n`);
  }
}
