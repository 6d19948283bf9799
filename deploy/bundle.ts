/**
 * Makes each program few files: it starts fast, stays small in memory, and brings no package that it does not use.
 *
 *     node deploy/bundle.ts OUT.mjs             writes the sensor
 *     node deploy/bundle.ts OUT.mjs --inputs    and lists the files it is made of, with their bytes in it
 *
 * The two native addons stay packages beside it. The collector (deploy/package/ calls it) is a folder: its commands stay apart, to
 * be loaded when they are asked for, and its worker threads are programs of their own.
 */
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const root = path.dirname(import.meta.dirname);

/** Built for a machine and a Node: they cannot be in a file for all. */
export const NATIVE = ['better-sqlite3', 'pcap'];

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

/** Bundles the sensor into `file`. */
export const bundleSensor = (file: string): Promise<Bundle> =>
  bundle({
    ...COMMON,
    entryPoints: ['sensor/main.ts'],
    outfile: path.resolve(file),
    banner: { js: REQUIRE },
    external: NATIVE,
  });

/** The collector's program in its folder. */
export const COLLECTOR_PROGRAM = 'enaga.mjs';
/** Where in that folder the scripts of its pages are looked for; whoever makes the folder puts them there. */
export const COLLECTOR_PAGES = 'pages';

/** Bundles the collector into `folder`, flat: what names a file beside itself finds it, whichever piece it is in. */
export function bundleCollector(folder: string): Promise<Bundle> {
  const workers = workersOf('collector').map(file => [path.basename(file, '.ts'), file]);
  return bundle({
    ...COMMON,
    entryPoints: { [path.basename(COLLECTOR_PROGRAM, '.mjs')]: 'collector/main.ts', ...Object.fromEntries(workers) },
    outdir: path.resolve(folder),
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: '[name]-[hash]',
    banner: { js: REQUIRE },
    // jsdom draws without a canvas if there is none, and the pages' scripts are made ahead.
    external: [...NATIVE, '@napi-rs/canvas', 'esbuild'],
    plugins: [besideBundle],
  });
}

const NAMED_FILE = /new URL\(\s*'(\.[^']*)',\s*import\.meta\.url,?\s*\)/g;
const isWorker = (named: string): boolean => /^\.\/[^/]+\.ts$/.test(named);

/** Source files that are named as the program of a thread, from the top of the repository. */
const workersOf = (folder: string): string[] =>
  globSync(`${folder}/**/*.ts`, { cwd: root }).flatMap(file =>
    [...readFileSync(path.join(root, file), 'utf8').matchAll(NAMED_FILE)]
      .filter(([, named]) => isWorker(named!))
      .map(([, named]) => path.join(path.dirname(file), named!)),
  );

/** Files that sources name by their own place lie beside the bundle: threads, and what was made ahead. */
const besideBundle: Plugin = {
  name: 'beside-bundle',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]collector[\\/].*\.ts$/ }, async ({ path: file }) => {
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

async function bundle(options: BuildOptions & { metafile: true }): Promise<Bundle> {
  const { metafile } = await build(options);
  const bytesOf = new Map<string, number>();
  const packages = new Set<string>();
  for (const { inputs, imports } of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs))
      bytesOf.set(input, (bytesOf.get(input) ?? 0) + bytesInOutput);
    for (const { path: imported } of imports) if (NATIVE.includes(imported)) packages.add(imported);
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
