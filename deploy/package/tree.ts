/** Lays out what a package installs, as a tree under a folder. */
import fs from 'node:fs';
import path from 'node:path';
import { keptAssets } from '../../collector/publish/pages/kept.ts';
import { PackageFailed } from './deb.ts';
import { licencesText } from './licences.ts';
import type { Program } from './programs.ts';

export const root = path.resolve(import.meta.dirname, '../..');
const modules = path.join(root, 'node_modules');

/** The npm package that is the Node of this machine's kind. Throws `PackageFailed` if there is none. */
export function runtime(): string {
  const folder = path.join(modules, `node-${process.platform}-${process.arch}`);
  if (process.platform === 'linux' && fs.existsSync(path.join(folder, 'bin', 'node'))) return folder;
  throw new PackageFailed(
    `there is no Node for ${process.platform} ${process.arch} in node_modules: npm has it for Linux on x64 and arm64`,
  );
}

/** The package of DuckDB's that has what was built for this machine: its addon, and the library that this is linked to. */
const DUCKDB_BUILT = `@duckdb/node-bindings-${process.platform}-${process.arch}`;

/** Of a package that finds its addon in another. */
const BUILT_ELSEWHERE: Readonly<Record<string, string>> = { '@duckdb/node-bindings': DUCKDB_BUILT };

/** Files of a native addon that run: not its sources, nor what was built for other machines. */
const ADDONS: Record<string, (file: string) => boolean> = {
  '@duckdb/node-bindings': file => /^(package\.json|duckdb\.js)$/.test(file),
  [DUCKDB_BUILT]: file => /^(package\.json|duckdb\.node|libduckdb\.so)$/.test(file),
  'better-sqlite3': file =>
    /^(package\.json|lib(\/.*)?|prebuilds)$/.test(file) ||
    file === `prebuilds/${process.platform}-${process.arch}.node`,
  pcap: file =>
    /^(package\.json|(pcap|tcp_tracker|dns_cache|util)\.js|decode(\/.*)?)$/.test(file) ||
    ['build', 'build/Release', 'build/Release/pcap_binding.node'].includes(file),
};

/** Throws `PackageFailed`. */
export async function layOut(program: Program, tree: string): Promise<void> {
  const { name, command, units, settings, folders, data, pages } = program;
  const source = path.join(import.meta.dirname, name);
  const home = path.join(tree, 'usr/lib', name);
  fs.mkdirSync(home, { recursive: true });
  const { inputs, packages: named } = await program.bundle(home);
  const packages = named.flatMap(one => [one, ...(BUILT_ELSEWHERE[one] === undefined ? [] : [BUILT_ELSEWHERE[one]])]);
  for (const one of packages) copyAddon(one, path.join(home, 'node_modules', one));
  for (const [one, files] of Object.entries(data))
    for (const file of files) put(path.join(modules, one, file), path.join(home, 'node_modules', one, file));
  if (pages !== undefined) await layOutPages(path.join(home, pages));
  const node = runtime();
  put(path.join(node, 'bin/node'), path.join(home, 'node'), 0o755);
  put(path.join(import.meta.dirname, 'service.mjs'), path.join(home, 'service.mjs'));

  put(path.join(source, 'command.sh'), path.join(tree, 'usr/bin', command), 0o755);
  for (const unit of units) put(path.join(root, 'deploy/systemd', unit), path.join(tree, 'lib/systemd/system', unit));
  for (const [place, file] of Object.entries(settings)) put(path.join(source, file), path.join(tree, place));
  for (const folder of folders) fs.mkdirSync(path.join(tree, folder), { recursive: true });

  const documents = path.join(tree, 'usr/share/doc', name);
  for (const file of ['deploy/README.md', 'deploy/README.ja.md', 'CHANGELOG.md'])
    put(path.join(root, file), path.join(documents, path.basename(file)));
  const used = [...new Set([...inputs.flatMap(([input]) => packageOf(input)), ...packages, ...Object.keys(data)])];
  fs.writeFileSync(path.join(documents, 'copyright'), licencesText(node, used.sort()));
}

function put(from: string, to: string, mode = 0o644): void {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, to);
  fs.chmodSync(to, mode);
}

function copyAddon(name: string, to: string): void {
  const from = path.join(modules, name);
  const wanted = ADDONS[name]!;
  const filter = (file: string) => file === from || wanted(path.relative(from, file));
  fs.cpSync(from, to, { recursive: true, filter });
  const built = fs.globSync('**/*.node', { cwd: to });
  if (built.length !== (name in BUILT_ELSEWHERE ? 0 : 1))
    throw new PackageFailed(`node_modules/${name} has no addon for this machine: start npm test once`);
}

/** Made ahead: an installed collector has no bundler. It need not look whether sources have changed, for there are none. */
async function layOutPages(folder: string): Promise<void> {
  await keptAssets(folder);
  const file = path.join(folder, 'manifest.json');
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.writeFileSync(file, JSON.stringify({ ...manifest, inputs: [] }));
}

const packageOf = (input: string): string[] =>
  input
    .match(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)/)
    ?.slice(0, 1)
    .map(found => found.replace(/^node_modules\//, '')) ?? [];
