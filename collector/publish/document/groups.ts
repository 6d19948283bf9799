/** Under which heading each route stands in the document. */
import type { Words } from '../words.ts';

export interface Group {
  /** The tag. */
  readonly name: string;
  readonly title: Words;
  readonly about: Words;
  /** Methods and paths of its routes, as `get /v1/days`. The first group that has a route is its own. */
  readonly has: RegExp;
}

export const GROUPS: readonly Group[] = [
  {
    name: 'days',
    title: { en: 'Days and their files', ja: '日とファイル' },
    about: {
      en: 'What there is, in which revision, and the files of closed days: where a pull begins.',
      ja: '閲覧できる日と版、確定した日のファイルです。自動取得はここから始めます。',
    },
    has: /^get \/v1\/days(\/\{date\}(\/files|\/exports.*)?)?$/,
  },
  {
    name: 'records',
    title: { en: 'Raw records', ja: '記録' },
    about: {
      en: 'Packet by packet, for members, within what is theirs. Each read is in the audit log.',
      ja: 'パケット単位の記録です。メンバーが、自組織の範囲について閲覧できます。閲覧はすべて監査ログに残ります。',
    },
    has: /^get \/v1\/days\/\{date\}\/(records|sensor-records)$/,
  },
  {
    name: 'tables',
    title: { en: 'Tables of a day', ja: '日別の表' },
    about: {
      en: 'Ports, countries, autonomous systems and more, of a day or of several.',
      ja: '宛先ポート、国・地域、ASなどの表です。1日、または複数の日について取得できます。',
    },
    has: /^get \/v1\/days\/\{date\}\/[a-z-]+$/,
  },
  {
    name: 'trends',
    title: { en: 'Series, ranks and comparisons', ja: '推移、順位、比較' },
    about: {
      en: 'Over hours, days, weeks, months and quarters; at home and abroad.',
      ja: '時間・日ごとの推移、日・週・月・四半期の順位、国内と国外の比較です。',
    },
    has: /^get \/v1\/(series|ranks\/.*|rank-history|asns|(port|country)-(kinds|asns)|economies|domestic.*)$/,
  },
  {
    name: 'peers',
    title: { en: 'Other observatories', ja: '他の観測網' },
    about: {
      en: 'What other collectors say and what was imported, beside our own figures and in none of them.',
      ja: '他のコレクターの集計値と、取り込んだデータです。当観測網の数値と並べて示し、加算はしません。',
    },
    has: /^get \/v1\/(peers|compare).*$/,
  },
  {
    name: 'reader',
    title: { en: 'You, and this document', ja: '閲覧者とこの文書' },
    about: { en: 'Who you are here, and what there is to ask.', ja: '自分の権限と、この文書を確認できます。' },
    has: /^get \/v1\/(reader|openapi\.json)$/,
  },
  {
    name: 'admin',
    title: { en: 'Administration', ja: '管理' },
    about: {
      en: 'Sensors, organisations, members and their tokens. A member sees its own sensors; all else is for admins.',
      ja: 'センサー、組織、メンバーとそのトークンです。メンバーは自組織のセンサーを確認でき、そのほかは管理者用です。',
    },
    has: /^\w+ \/v1\/(sensors|organisations|members).*$/,
  },
  {
    name: 'sensors',
    title: { en: 'For sensors', ja: 'センサー向け' },
    about: {
      en: 'What sensors say to the collector. Their own program does all of it.',
      ja: 'センサーとコレクターの通信です。すべてセンサーのプログラムが行います。',
    },
    has: /^\w+ \/v1\/(batches|heartbeats|enrolments)$/,
  },
  {
    name: 'probes',
    title: { en: 'For whoever runs the collector', ja: '運用者向け' },
    about: { en: 'Whether it lives, and how it does.', ja: '稼働状態と運用指標です。' },
    has: /^get \/(healthz|readyz|metrics)$/,
  },
];
