/** What a mail says beside its file, in English and Japanese. */
import { dateOf, type Meta, NETWORKS } from '../publish/exports/meta.ts';
import type { MadeFile } from './file.ts';

/** Without what a mail's head could be broken with: names in it are checked where they come from. */
export const subjectOf = (meta: Meta, format: string): string =>
  `[TLP:${meta.tlp.toUpperCase()}] Darknet scans / ダークネットスキャン ${dateOf(meta)} ${meta.country} ${format}` +
  `${meta.revision === 1 ? '' : ` (revision ${meta.revision} / 第${meta.revision}版)`}`;

export function textOf(meta: Meta, { name, bytes, sha256 }: MadeFile, title: string): string {
  const { revision, organisation, tlp } = meta;
  const isAgain = revision > 1;
  const [where, whereJa] =
    meta.country === NETWORKS ? ['your networks', '貴組織のネットワーク'] : [meta.country, meta.country];
  const colour = `TLP:${tlp.toUpperCase()}`;
  return `${colour}

Scans from ${where} on ${dateOf(meta)} (UTC), as the sensors of ${organisation.name} saw them.
Format: ${title}. Revision ${revision} of the day${isAgain ? ': it takes the place of the one before' : ''}.
A source address may be forged. Destination addresses are not told. May be shared as ${colour} says.
Questions: ${organisation.email}

--

${dateOf(meta)}（UTC）に ${whereJa} から届いたスキャンです。${organisation.name} のセンサーが観測しました。
形式: ${title}。この日の第 ${revision} 版${isAgain ? 'です。前の版を置き換えてください' : 'です'}。
送信元アドレスは詐称されている場合があります。宛先アドレスは含みません。共有範囲は ${colour} に従ってください。
お問い合わせ: ${organisation.email}

${name} (${bytes} bytes)
SHA-256 ${sha256}
`;
}

/** Of `enaga push test`. */
export const TEST_MAIL = {
  subject: 'Enaga: a test / テスト',
  text: `This is a test: exchange files will come to this address each morning. There is nothing to do.

これはテストです。毎朝、このアドレスに交換ファイルが届きます。ご対応は不要です。
`,
} as const;
