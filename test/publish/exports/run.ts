/** Makes exports in memory. */
import { FORMATS } from '../../../collector/publish/exports/formats.ts';
import type { Shape } from '../../../collector/publish/exports/iodef.ts';
import type { Meta } from '../../../collector/publish/exports/meta.ts';
import type { Rows } from '../../../collector/publish/exports/row.ts';

/** Every format in every shape. */
export const ALL_SHAPES: [format: string, shape: Shape][] = [...FORMATS.values()].flatMap(({ name, shapes }) =>
  (shapes.length > 0 ? shapes : (['records'] as const)).map((shape): [string, Shape] => [name, shape]),
);

/** File name -> contents. */
export async function filesOf(
  name: string,
  rows: Rows,
  meta: Meta,
  shape: Shape = 'records',
): Promise<Record<string, string>> {
  const format = FORMATS.get(name)!;
  const files: Record<string, string> = {};
  if (format.kind === 'folder')
    for await (const { file, text } of format.write(rows, meta)) files[file] = (files[file] ?? '') + text;
  else {
    files[format.fileName(meta)] = '';
    for await (const text of format.write(rows, meta, shape)) {
      const file = format.fileName(meta);
      files[file] += text;
    }
  }
  return files;
}

export const textOf = async (name: string, rows: Rows, meta: Meta, shape?: Shape): Promise<string> =>
  Object.values(await filesOf(name, rows, meta, shape))[0]!;

/** The event of a MISP feed of one. */
export const eventOf = (files: Record<string, string>): string =>
  Object.entries(files).find(([file]) => file.endsWith('.json') && file !== 'manifest.json')![1];
