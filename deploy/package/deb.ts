/** A tree becomes a Debian package: its control files (Debian Policy, chapter 5 and 6), one time for all, dpkg-deb. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Program } from './programs.ts';

/** What somebody can mend, in words. */
export class PackageFailed extends Error {
  override readonly name = 'PackageFailed';
}

/** Why nothing can be built here, if so. */
export function toolMissing(): string | undefined {
  if (spawnSync('dpkg-deb', ['--version']).status === 0) return undefined;
  return 'dpkg-deb is not here: build on Debian or Ubuntu, or install the package dpkg';
}

/** Debian's name of this machine's architecture. */
export const architecture = (): string => (process.arch === 'x64' ? 'amd64' : process.arch);

const SCRIPTS = ['postinst', 'prerm', 'postrm'];
/** xz is what every dpkg reads. The other is for those who wait for it. */
const COMPRESSION = { small: ['-Zxz', '-z6'], fast: ['-Zzstd', '-z3'] };

interface DebOptions {
  readonly program: Program;
  readonly tree: string;
  readonly file: string;
  readonly version: string;
  /** `Name <mail>`. */
  readonly maintainer: string;
  /** Seconds since 1970: every file's time. */
  readonly epoch: number;
  readonly fast: boolean;
}

/** Writes the package whole or not at all. Throws `PackageFailed`. */
export function buildDeb(options: DebOptions): void {
  const { tree, file, epoch, fast } = options;
  writeControl(options);
  levelTree(tree, epoch);
  const temporary = `${file}.tmp`;
  const args = ['--root-owner-group', ...COMPRESSION[fast ? 'fast' : 'small'], '--build', tree, temporary];
  const { status, stderr, error } = spawnSync('dpkg-deb', args, {
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  });
  if (status !== 0) {
    fs.rmSync(temporary, { force: true });
    throw new PackageFailed(`dpkg-deb: ${error?.message ?? stderr.trim()}`);
  }
  fs.renameSync(temporary, file);
}

function writeControl({ program, tree, version, maintainer }: DebOptions): void {
  const { name, description, depends, recommends, settings } = program;
  const files = fs.globSync('**', { cwd: tree, withFileTypes: true }).filter(entry => entry.isFile());
  const paths = files.map(entry => path.relative(tree, path.join(entry.parentPath, entry.name))).sort();
  const bytes = paths.reduce((sum, one) => sum + fs.statSync(path.join(tree, one)).size, 0);
  const [summary, ...paragraphs] = description;
  const folder = path.join(tree, 'DEBIAN');
  fs.mkdirSync(folder);
  const write = (file: string, text: string) => fs.writeFileSync(path.join(folder, file), text);
  write(
    'control',
    `Package: ${name}
Version: ${version}
Architecture: ${architecture()}
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: ${depends.join(', ')}
Recommends: ${recommends.join(', ')}
Section: net
Priority: optional
Description: ${summary}
${paragraphs.map(text => ` ${text}`).join('\n .\n')}
`,
  );
  write('conffiles', `${Object.keys(settings).join('\n')}\n`);
  const checked = paths.filter(one => !Object.hasOwn(settings, `/${one}`));
  write('md5sums', checked.map(one => `${md5Of(path.join(tree, one))}  ${one}\n`).join(''));
  for (const script of SCRIPTS)
    fs.copyFileSync(path.join(import.meta.dirname, name, script), path.join(folder, script));
}

const md5Of = (file: string): string => createHash('md5').update(fs.readFileSync(file)).digest('hex');

/** Modes are not those of whoever builds, nor are times. */
function levelTree(tree: string, epoch: number): void {
  for (const entry of fs.readdirSync(tree, { withFileTypes: true })) {
    const file = path.join(tree, entry.name);
    if (entry.isDirectory()) levelTree(file, epoch);
    else {
      const runs = (fs.statSync(file).mode & 0o100) !== 0 || SCRIPTS.includes(entry.name);
      fs.chmodSync(file, runs ? 0o755 : 0o644);
      fs.utimesSync(file, epoch, epoch);
    }
  }
  fs.chmodSync(tree, 0o755);
  fs.utimesSync(tree, epoch, epoch);
}
