/** The other sections of the document: tokens and roles, forms of an answer, files, budgets, refusals, what figures mean. */
import type { Budgets } from '../api/auth.ts';
import { problemText } from '../api/problems.ts';
import type { PublicRule } from '../roles/roles.ts';
import { DAILY } from './daily.ts';
import { code, list, type Section, table, text } from './guide.ts';

/** What an operator may have set. */
export interface Facts {
  readonly budgets: Budgets;
  readonly rule: PublicRule;
}

export const sections = (facts: Facts): readonly Section[] => [
  OVERVIEW,
  DAILY,
  roles(facts),
  FORMS,
  FILES,
  budgets(facts),
  ERRORS,
  FIGURES,
  OTHERS,
];

const OVERVIEW: Section = {
  id: 'overview',
  title: { en: 'What this is', ja: '概要' },
  blocks: [
    text(
      'Enaga is a darknet observatory. Its sensors stand on addresses that nobody uses, so every packet that reaches them is unsolicited: a scan, a worm, or the echo of an attack elsewhere. The collector counts these packets by destination port, by country of the source and by day. This document describes how programs read what it counted. All paths begin with `/v1`; all days and hours are UTC.',
      'Enagaは、ダークネットの定点観測システムです。観測センサーは使われていないアドレスに置かれているため、届くパケットはすべて、スキャンやワーム、よそで起きた攻撃の跳ね返り（バックスキャッター）など、こちらから求めていないものです。コレクターは、これらのパケットを宛先ポート、送信元の国・地域、日ごとに集計します。この文書は、集計結果をプログラムから取得する方法を説明します。パスはすべて`/v1`で始まり、日時はすべてUTCです。',
    ),
    text(
      'In English or Japanese: as your `Accept-Language` says, or `/v1/openapi.json?lang=en` and `?lang=ja`; to be read by people at `/api`.',
      'この文書は日本語と英語で提供します。`Accept-Language`に従うほか、`/v1/openapi.json?lang=ja`、`?lang=en`でも選べます。`/api`では、同じ内容を読みやすいページで表示します。',
    ),
  ],
};

function roles({ rule }: Facts): Section {
  const { sensorsMin, ownersMin, lateDays, digits, rowsMax } = rule;
  return {
    id: 'tokens',
    title: { en: 'Tokens and roles', ja: 'トークンと権限' },
    blocks: [
      text(
        'A member organisation has a token from whoever runs the collector, and sends it with every request. A token that is unknown or has expired is refused with 401 and never taken for the public, so that a pull fails aloud. `GET /v1/reader` says who you are to the collector.',
        'メンバー組織は、コレクターの管理者から受け取ったトークンを、すべての要求に付けて送ります。無効または期限切れのトークンは、公開データの閲覧とはみなさず、必ず401で拒否します（自動取得の失敗に気付けるようにするためです）。`GET /v1/reader`で、自分がどの権限で扱われているかを確認できます。',
      ),
      code(`GET /v1/reader HTTP/1.1
Authorization: Bearer TOKEN`),
      table(
        [
          ['Role', '権限'],
          ['Reads', '閲覧できるもの'],
        ],
        [
          ['public (no token)', '一般公開（トークンなし）'],
          [
            `whole days, ${lateDays} days late, rounded to ${digits} digits; the first ${rowsMax} rows of a table; only what at least ${sensorsMin} sensors of ${ownersMin} organisations saw; no address, no sensor, no sources`,
            `1日単位の値を${lateDays}日遅れで。値は有効数字${digits}桁に丸め、各表は上位${rowsMax}行まで。${ownersMin}組織・${sensorsMin}台以上のセンサーで観測されたものに限り、アドレス、センサー、送信元数は含まない`,
          ],
        ],
        [
          ['member', 'メンバー'],
          [
            'all aggregates, open days and hours too; raw records and exchange files, without destination, of sources in its countries, AS numbers and prefixes; raw records with destination, and losses, of its own sensors',
            'すべての集計値（集計中の日、時間別を含む）。自組織の国・地域、AS番号、プレフィックスを送信元とする記録と交換用ファイル（宛先なし）。自組織のセンサーの記録（宛先あり）と損失の内訳',
          ],
        ],
        [
          ['admin', '管理者'],
          ['everything, and changes what there is to administer', 'すべて。管理操作も可能'],
        ],
      ),
      text(
        'Each read of raw records and each exchange file is written to an audit log. A destination, which would tell where a sensor stands, is in nothing that another organisation gets.',
        '記録と交換用ファイルの閲覧は、すべて監査ログに残ります。センサーの位置がわかってしまう宛先アドレスは、センサーを所有する組織以外に渡す情報には一切含まれません。',
      ),
    ],
  };
}

const FORMS: Section = {
  id: 'forms',
  title: { en: 'Forms of an answer, pages, ETags', ja: '応答の形式、ページ分割、ETag' },
  blocks: [
    list(
      [
        'Every list is JSON, NDJSON (a row a line) or CSV (RFC 4180, with a header), as `Accept` says or by an extension: `/v1/days/2026-11-20/ports.csv`. JSON has the rows in `rows`, and beside them what they are of.',
        '一覧はすべて、JSON、NDJSON（1行に1件）、CSV（RFC 4180、ヘッダー行あり）で取得できます。`Accept`、または`/v1/days/2026-11-20/ports.csv`のような拡張子で指定します。JSONでは行が`rows`に入り、そのほかの項目が表の説明になります。',
      ],
      [
        'A range of days is two dates with a colon: `/v1/days/2026-11-01:2026-11-07/countries`.',
        '期間は、2つの日付をコロンでつないで指定します（例：`/v1/days/2026-11-01:2026-11-07/countries`）。',
      ],
      [
        'Long lists come in pages. `limit` says how long; the answer has `next`, and a `Link` header with rel="next" that CSV and NDJSON have too. Ask again with `cursor`, until there is none. If what is listed changes meanwhile, the cursor is refused (`cursor`): begin again.',
        '長い一覧は、ページに分けて返します。1ページの行数は`limit`で指定します。続きがあれば、JSONの`next`と`Link`ヘッダー（rel="next"。CSVとNDJSONにも付きます）で示すので、その値を`cursor`に指定して、なくなるまで繰り返します。途中で内容が変わった場合、カーソルは拒否されます（`cursor`）。最初からやり直してください。',
      ],
      [
        'Answers are compressed with zstd or gzip if `Accept-Encoding` allows, and have a strong `ETag`: with `If-None-Match` what has not changed is answered 304.',
        '`Accept-Encoding`に応じて、zstdまたはgzipで圧縮します。応答には強い`ETag`が付き、`If-None-Match`を送ると、変わっていなければ304を返します。',
      ],
    ),
  ],
};

const FILES: Section = {
  id: 'files',
  title: { en: 'Days, revisions and files', ja: '日、版、ファイル' },
  blocks: [
    list(
      [
        'A day is `open` while it is counted, then `closed` (revision 1), and `revised` (revision 2 and later) when late data, or a sensor that was left out, had it counted again. `GET /v1/days` tells of each revision what it changed.',
        '日の状態は、集計中の`open`、確定した`closed`（第1版）、改訂された`revised`（第2版以降）の3つです。遅れて届いたデータや、センサーの除外によって集計し直すと、改訂されます。`GET /v1/days`は、改訂で変わった内容も示します。',
      ],
      [
        'The files of a closed day do not change within a revision. `GET /v1/days/DATE/files` gives the size and SHA-256 of each table, `GET /v1/days/DATE/exports` of each exchange file; null if it was not made yet. They are of the file as it is, before any Content-Encoding.',
        '確定した日のファイルは、同じ版の間は変わりません。各表のサイズとSHA-256は`GET /v1/days/DATE/files`、交換用ファイルのものは`GET /v1/days/DATE/exports`で取得できます（まだ作られていないファイルはnull）。いずれもContent-Encodingを解いた後の値です。',
      ],
      [
        'Exchange files hold a day of scans from one country: IODEF v1 and v2 (RFC 5070, RFC 7970), IODEF JSON (RFC 8727), IntelMQ, Shadowserver-style CSV, MISP, STIX 2.1. Each says its TLP, as the operator has set it.',
        '交換用ファイルには、1つの国・地域を送信元とする1日分のスキャンが入ります。形式は、IODEF v1・v2（RFC 5070、RFC 7970）、IODEF JSON（RFC 8727）、IntelMQ、Shadowserver形式のCSV、MISP、STIX 2.1です。いずれにも、管理者が設定したTLPが付きます。',
      ],
    ),
  ],
};

function budgets({ budgets: { member, public: open } }: Facts): Section {
  return {
    id: 'budgets',
    title: { en: 'Rate budgets', ja: '利用枠（要求数の制限）' },
    blocks: [
      list(
        [
          `A member has ${member.burst} requests at once and ${member.perSecond} a second after that, whatever the number of its tokens and machines.`,
          `メンバーは、まとめて${member.burst}回、その後は1秒あたり${member.perSecond}回まで要求できます（トークンやマシンの数によらず、組織ごとに数えます）。`,
        ],
        [
          `Without a token an address (of IPv6 a /64) has ${open.burst} at once and ${open.perSecond} a second.`,
          `トークンがない場合は、アドレス（IPv6では/64）ごとに、まとめて${open.burst}回、その後は1秒あたり${open.perSecond}回までです。`,
        ],
        [
          'Beyond that the answer is 429 with `Retry-After` in seconds. `curl --retry` waits for so long.',
          '超えた場合は429を返し、再試行までの秒数を`Retry-After`で示します。`curl --retry`は、この時間だけ待って再試行します。',
        ],
        [
          'Two exchange files of a member are written at a time, each of which reads all of the day.',
          '交換用ファイルの作成は、その日の記録をすべて読むため、組織ごとに同時に2つまでです。',
        ],
      ),
    ],
  };
}

const ERRORS: Section = {
  id: 'errors',
  title: { en: 'Refusals', ja: 'エラー' },
  blocks: [
    text(
      'Whatever is refused is a problem of RFC 9457, `application/problem+json`. Go by `type`, which stays the same; `title` and `detail` are for people, and in English. With each route below stand the problems it answers with.',
      '拒否した要求には、RFC 9457のProblem Details（`application/problem+json`）を返します。プログラムでは、変わることのない`type`で判別してください。`title`と`detail`は人が読むための説明で、英語です。返しうるエラーは、以下の各項目に示します。',
    ),
    code(problemText('budget')),
    list(
      [
        '429 has `Retry-After`, and so has 503 unless it is `no-sender`: the same request may do later. 404 of a day: nothing is shown of it, to you, yet.',
        '429と503（`no-sender`を除く）には`Retry-After`が付きます。時間をおいて同じ要求を送ってください。日についての404は、その日について（まだ）お見せできるものがないことを示します。',
      ],
      [
        'Of 503, `not-counted` says that nothing was counted yet, `being-counted` that what is asked for is being counted, or counted again, `unavailable` that for some seconds nothing is answered, as while the part that answers readers is begun again, and `no-sender`, which has no `Retry-After`, that the operator has something to set.',
        '503の理由は`type`で区別できます。`not-counted`はまだ何も集計されていないこと、`being-counted`は対象を集計（または再集計）していること、`unavailable`は閲覧用の処理の再起動などで数秒間応答できないこと、`no-sender`（`Retry-After`なし）は運用者による設定が必要なことを示します。',
      ],
      [
        'A path or a query that is not as described is refused with 400, and `errors` says where; names that are no parameter here are refused too, so that a misspelt one is not passed over.',
        'パスやクエリーがこの文書の記述と異なる場合は400を返し、`errors`でその箇所を示します。書き誤りを見過ごさないよう、未知のパラメーターも拒否します。',
      ],
    ),
  ],
};

const FIGURES: Section = {
  id: 'figures',
  title: { en: 'What the figures are', ja: '数値の意味' },
  blocks: [
    table(
      [
        ['Field', '項目'],
        ['What it is', '意味'],
      ],
      [
        ['`packets`', '`packets`'],
        ['packets, exactly', 'パケット数（正確な値）'],
      ],
      [
        ['`sources`', '`sources`'],
        [
          'distinct source addresses: exact up to 4,096, estimated beyond (standard error 0.81%, of smaller tables 1.6%). Do not add the figures of days: the same address comes again',
          '重複を除いた送信元アドレスの数。4,096までは正確な値、それを超えると推定値（標準誤差0.81%、小さな表では1.6%）。同じアドレスは別の日にも現れるため、日別の値を合計しないこと',
        ],
      ],
      [
        ['`scanningSources`', '`scanningSources`'],
        ['those that were not seen in backscatter alone', 'バックスキャッターのみで観測されたものを除いた送信元数'],
      ],
      [
        ['`meanPerSensor`', '`meanPerSensor`'],
        [
          'packets by a sensor, had it watched all the time: packets divided by (hours watched by all sensors / hours). Null where all together watched less than 5% of one sensor’s time',
          '1センサーあたりの平均。パケット数を（全センサーの観測時間の合計÷期間の時間数）で割った値。全センサーの観測時間の合計が1台分の5%未満ならnull',
        ],
      ],
      [
        ['`share`', '`share`'],
        ['part of all packets, from 0 to 1', '全パケットに占める割合（0～1）'],
      ],
      [
        ['`rank`, `previousRank`', '`rank`、`previousRank`'],
        ['by packets; in the period before', 'パケット数の順位と、前の期間での順位'],
      ],
      [
        ['`country`', '`country`'],
        [
          'where the source address is allocated, by the database named in `geo`, built on `built`; `??` unknown. It is not where somebody sits',
          '送信元アドレスの割り当て先（`geo`のデータベース、作成日は`built`）。不明は`??`。利用者の所在地とは限らない',
        ],
      ],
      [
        ['`class`', '`class`'],
        [
          '`scan`; `backscatter`, answers of hosts that somebody attacked under our addresses; `other`',
          '`scan`（スキャン）、`backscatter`（観測アドレスを詐称した攻撃を受けたホストからの応答）、`other`（その他）',
        ],
      ],
      [
        ['`tool`', '`tool`'],
        [
          'packets with a tool’s mark; sources with at least two of them',
          '特徴を持つパケットの数と、2パケット以上で確認された送信元の数',
        ],
      ],
    ),
  ],
};

const OTHERS: Section = {
  id: 'others',
  title: { en: 'For admins, and for sensors', ja: '管理者とセンサー向けの項目' },
  blocks: [
    text(
      'Admins enrol sensors and invite members with the routes that say so; bodies are JSON, a token is told once, and each change is in the audit log. Routes of sensors are signed with the key that enrolment gave (RFC 9421) and take no token.',
      '管理者は、該当する項目でセンサーの登録とメンバーの招待ができます。本文はJSONで、発行したトークンは一度だけ返します。変更はすべて監査ログに残ります。センサー向けの項目は、トークンではなく、登録時に得た鍵による署名（RFC 9421）で認証します。',
    ),
  ],
};
