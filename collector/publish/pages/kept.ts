/**
 * Assets kept in a directory between starts: made anew when a source has changed, or when there are none. Where the directory
 * cannot be written they are made at each start, which takes about a second beside everything else.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Asset, type Assets, type Inputs, keptAsset, makeAssets } from './bundle.ts';

/** Beside the packages that they are made of, so that a new installation begins without. */
export const KEPT_IN = fileURLToPath(new URL('../../../node_modules/.cache/enaga-pages', import.meta.url));

/** Among the inputs of all assets. */
const MAKER = path.join(import.meta.dirname, 'bundle.ts');

interface Manifest {
  readonly assets: readonly string[];
  readonly script: string;
  readonly style: string;
  readonly icon: string;
  readonly preloads: Assets['preloads'];
  /** Each file with what it was when it was read. */
  readonly inputs: readonly (readonly [file: string, stamp: string])[];
}

/** Throws esbuild's own errors if they must be made and cannot be. */
export async function keptAssets(directory = KEPT_IN): Promise<Assets> {
  const kept = readKept(directory);
  if (kept !== undefined) return kept;
  const made = await makeAssets();
  try {
    keep(directory, made);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
  return made;
}

/** Undefined where there are none, or older ones. */
function readKept(directory: string): Assets | undefined {
  try {
    const text = fs.readFileSync(path.join(directory, 'manifest.json'), 'utf8');
    const { assets, script, style, icon, preloads, inputs } = JSON.parse(text) as Manifest;
    if (inputs.some(([file, stamp]) => stampOf(file) !== stamp)) return undefined;
    // Two working copies may share the packages beside which assets are kept. What a package brings was made of no file that is here.
    if (inputs.length > 0 && !inputs.some(([file]) => file === MAKER)) return undefined;
    const byName = new Map(assets.map((name): [string, Asset] => [name, keptAsset(directory, name)]));
    return { byName, script, style, icon, preloads };
  } catch {
    return undefined; // whatever is wrong with them, they can be made anew
  }
}

function keep(directory: string, made: Assets & Inputs): void {
  const temporary = `${directory}.${process.pid}`;
  fs.rmSync(temporary, { recursive: true, force: true });
  fs.mkdirSync(temporary, { recursive: true });
  for (const { name, bytes, br, gzip } of made.byName.values()) {
    for (const [suffix, content] of [
      ['', bytes],
      ['.br', br],
      ['.gz', gzip],
    ] as const)
      fs.writeFileSync(path.join(temporary, `${name}${suffix}`), content);
  }
  const { script, style, icon, preloads, byName, files } = made;
  const inputs = files.map(file => [file, stampOf(file)] as const);
  const manifest: Manifest = { assets: [...byName.keys()], script, style, icon, preloads, inputs };
  fs.writeFileSync(path.join(temporary, 'manifest.json'), JSON.stringify(manifest));
  fs.rmSync(directory, { recursive: true, force: true });
  fs.renameSync(temporary, directory); // whoever reads finds all of them, or none
}

function stampOf(file: string): string {
  const { size, mtimeMs } = fs.statSync(file);
  return `${size} ${mtimeMs}`;
}
