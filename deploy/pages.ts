/**
 * Makes the scripts and the style of the collector's pages ahead, so that its first start has them and needs no bundler:
 *
 *     node deploy/pages.ts            keeps them where `enaga serve` looks for them
 *     node deploy/pages.ts --sizes    and lists them with their bytes: as they are, by gzip, by Brotli
 */
import { KEPT_IN, keptAssets } from '../collector/publish/pages/kept.ts';

const [option] = process.argv.slice(2);
if (option !== undefined && option !== '--sizes') {
  process.stderr.write('usage: node deploy/pages.ts [--sizes]\n');
  process.exitCode = 2;
} else {
  const { byName } = await keptAssets();
  process.stderr.write(`pages: ${byName.size} files in ${KEPT_IN}\n`);
  if (option === '--sizes')
    for (const { name, bytes, gzip, br } of byName.values())
      process.stdout.write(`${[bytes, gzip, br].map(({ length }) => String(length).padStart(8)).join('')}  ${name}\n`);
}
