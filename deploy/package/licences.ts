/** The licences of everything in a package, in one file: what Debian calls its copyright. */
import fs from 'node:fs';
import path from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };

const modules = path.resolve(import.meta.dirname, '../../node_modules');
const LICENCE_FILE = /^(NRO_)?(licen[cs]e|copying|notice)/i;
const RULE = '='.repeat(100);

/** `node` is the folder of the Node that it brings; packages are folders under node_modules. */
export function licencesText(node: string, packages: readonly string[]): string {
  const ours = `Enaga ${packageJson.version}, ${packageJson.license}: /usr/share/common-licenses/Apache-2.0 is its text.
It contains the following, each under its own licence.
`;
  return [ours, ...[node, ...packages.map(one => path.join(modules, one))].map(section)].join(`\n${RULE}\n`);
}

function section(folder: string): string {
  const { name, version, license, author, homepage } = JSON.parse(
    fs.readFileSync(path.join(folder, 'package.json'), 'utf8'),
  );
  const files = fs.readdirSync(folder).filter(file => LICENCE_FILE.test(file));
  const texts = files.sort().map(file => fs.readFileSync(path.join(folder, file), 'utf8').trim());
  const stated = typeof license === 'string' ? license : 'see its text';
  if (texts.length === 0)
    texts.push(
      `Its package has the name of the licence alone. By ${author?.name ?? author ?? 'its authors'}: ${homepage ?? 'npmjs.com'}`,
    );
  return [`${name} ${version}, ${stated}`, ...texts].join('\n\n').concat('\n');
}
