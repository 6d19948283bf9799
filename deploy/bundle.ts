/**
 * Makes `enaga-sensor` one file, so that it starts fast, stays small in memory, and brings none of the collector's packages:
 *
 *     node deploy/bundle.ts OUT.mjs             writes the program
 *     node deploy/bundle.ts OUT.mjs --inputs    and lists the files it is made of, with their bytes in it
 *
 * The two native addons stay packages beside it.
 */
import path from 'node:path';
import { build } from 'esbuild';

const root = path.dirname(import.meta.dirname);

/** Built for a machine and a Node: they cannot be in a file for all. */
export const NATIVE = ['better-sqlite3', 'pcap'];

export interface Bundle {
  /** Files in the bundle, from the top of the repository, with the bytes each takes there; largest first. */
  readonly inputs: readonly (readonly [file: string, bytes: number])[];
  /** Packages that it needs beside it. */
  readonly packages: readonly string[];
}

/** Bundles the sensor into `file`. */
export async function bundleSensor(file: string): Promise<Bundle> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['sensor/main.ts'],
    outfile: path.resolve(file),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    // CommonJS packages in it ask for Node's own modules by `require`.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
    external: NATIVE,
    minifySyntax: true,
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output!.inputs).map(([input, { bytesInOutput }]) => [input, bytesInOutput] as const);
  return {
    inputs: inputs.sort((a, b) => b[1] - a[1]),
    packages: [...new Set(output!.imports.map(found => found.path).filter(found => NATIVE.includes(found)))].sort(),
  };
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
