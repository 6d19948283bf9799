/** The document's first section: what a member does to have each day's files, every day. The scripts are run by a test. */
import { code, list, type Section, text } from './guide.ts';

/** Stands where the collector's own address is not known: who reads it puts in what it was given. */
export const PLACEHOLDER = 'https://collector.example';

const CRON_EN = `# /etc/cron.d/enaga-pull
# Every three hours, as a user that may read the token: a day closes about a day after it has ended.
17 */3 * * *  csirt  enaga pull --quiet --collector ${PLACEHOLDER} --token-file /etc/enaga/token --out /srv/enaga --export iodef-v2 --country JP`;
const CRON_JA = `# /etc/cron.d/enaga-pull
# 3時間ごとに、トークンを読めるユーザーで実行。日次の集計は、その日が終わってから約1日後に確定します。
17 */3 * * *  csirt  enaga pull --quiet --collector ${PLACEHOLDER} --token-file /etc/enaga/token --out /srv/enaga --export iodef-v2 --country JP`;

interface Comments {
  readonly what: string;
  readonly header: string;
  readonly out: string;
  readonly country: string;
  readonly days: string;
  readonly done: string;
  readonly tables: string;
  readonly exchange: string;
  readonly kept: string;
  readonly last: string;
}

/** For any POSIX shell, with curl and sha256sum. */
const script = (say: Comments): string => `#!/bin/sh
# ${say.what}
set -eu
collector=${PLACEHOLDER}
header=/etc/enaga/header   # ${say.header}
out=/srv/enaga             # ${say.out}
country=JP                 # ${say.country}

get() { curl --fail --silent --show-error --retry 5 --compressed --header "@$header" "$@"; }
rows() { tr -d '\\r' < "$1" | tail -n +2; }

mkdir -p "$out"
cd "$out"
get --output days.csv "$collector/v1/days.csv?files=none"            # ${say.days}
rows days.csv | while IFS=, read -r date state revision rest; do
  if [ "$state" = open ]; then continue; fi
  if [ "$(cat "$date/revision" 2> /dev/null)" = "$revision" ]; then continue; fi   # ${say.done}
  mkdir -p "$date"
  get --output "$date/files.csv" "$collector/v1/days/$date/files.csv?type=csv"   # ${say.tables}
  rows "$date/files.csv" | while IFS=, read -r name url type size sha256 rest; do
    get --output "$date/$name.part" "$collector$url"
    echo "$sha256  $date/$name.part" | sha256sum --check --quiet
    mv "$date/$name.part" "$date/$name"
  done
  file=iodef-v2-$country.xml                                           # ${say.exchange}
  get --output "$date/exports.csv" "$collector/v1/days/$date/exports.csv"
  if [ -n "$(rows "$date/exports.csv")" ]; then                        # ${say.kept}
    get --output "$date/$file.part" "$collector/v1/days/$date/exports/iodef-v2?country=$country"
    get --output "$date/exports.csv" "$collector/v1/days/$date/exports.csv"
    rows "$date/exports.csv" | while IFS=, read -r name url type size sha256 rest; do
      if [ "$name" != "$file" ]; then continue; fi
      echo "$sha256  $date/$file.part" | sha256sum --check --quiet
    done
    mv "$date/$file.part" "$date/$file"
  fi
  echo "$revision" > "$date/revision"                                # ${say.last}
done`;

const SCRIPT_EN = script({
  what: 'Each closed day once a revision: its tables, and IODEF of the scans from one country.',
  header: 'one line, Authorization: Bearer TOKEN; chmod 600',
  out: 'a folder a day',
  country: 'one of yours',
  days: 'date,state,revision,packets',
  done: 'here already',
  tables: 'name,url,type,size,sha256',
  exchange: 'its SHA-256 is known once it was made',
  kept: 'not of a day whose records are kept no longer',
  last: 'last: whatever is cut short is fetched again',
});
const SCRIPT_JA = script({
  what: '確定した日ごと、版ごとに1回、各表と、1つの国・地域を送信元とするスキャンのIODEFを取得する',
  header: '1行で「Authorization: Bearer トークン」。chmod 600にする',
  out: '1日1フォルダー',
  country: '自組織の国・地域コード',
  days: 'date,state,revision,packets',
  done: '取得済み',
  tables: 'name,url,type,size,sha256',
  exchange: 'SHA-256は、ファイルが一度作られた後にわかる',
  kept: '記録の保存期間を過ぎた日にはない',
  last: '最後に記録する。途中で止まれば、次回取得し直す',
});

const ETAG = `curl --fail --silent --show-error --header "@/etc/enaga/header" --etag-save ports.etag --etag-compare ports.etag \\
  --output ports.csv '${PLACEHOLDER}/v1/ranks/ports.csv?period=day&start=2026-11-20'`;

export const DAILY: Section = {
  id: 'daily',
  title: { en: 'Set up a daily pull', ja: '毎日の自動取得を設定する' },
  blocks: [
    text(
      'You need the address of the collector and your token. A day is published with its files once it is closed; if data comes late it is closed again under the next revision number, and is to be fetched again. So a pull asks for the list of days and fetches those whose revision it does not have. There are two ways to do so.',
      '必要なのは、コレクターのアドレスとトークンだけです。1日分のファイルは、その日の集計が確定すると公開されます。遅れて届いたデータがあれば版（revision）の番号を1つ進めて再び確定するので、取得し直してください。したがって、日の一覧を取得し、手元にない版の日だけを取得すれば十分です。方法は2つあります。',
    ),
    text(
      'With `enaga pull`, the program that comes with the collector. It fetches what is new, goes on where it was cut short, checks every SHA-256, and leaves each file whole or not at all; with `--quiet` it says nothing when nothing is wrong, and its exit code is 1 if something is:',
      '`enaga pull`を使う方法（コレクターに付属するプログラム）。新しい分だけを取得し、中断した場合は次回に続きから再開します。すべてのファイルをSHA-256で照合し、不完全なファイルは残しません。`--quiet`を付けると、問題がなければ何も表示しません。問題があれば終了コード1で終了します。',
    ),
    code(CRON_EN, CRON_JA),
    text(
      'With nothing but curl, from a script that cron runs. The token stands in a file and not on the command line, where every user of the machine could read it:',
      'curlだけを使う方法。次のスクリプトをcronから実行します。コマンドラインに書いたトークンは同じマシンのほかのユーザーから見えるため、ファイルに置きます。',
    ),
    code(SCRIPT_EN, SCRIPT_JA),
    text(
      'To keep a single answer up to date, ask with the ETag that it had: what has not changed is answered 304 without a body, and counts against your budget all the same.',
      '1つの応答だけを最新に保つには、前回のETagを付けて要求します。変わっていなければ、本文のない304が返ります（利用枠は1回分使います）。',
    ),
    code(ETAG),
    list(
      [
        'Other exchange formats: put `iodef-v1`, `iodef-json`, `intelmq`, `shadowserver`, `stix` or `misp` in the place of `iodef-v2`; the file is then named as `GET /v1/days/DATE/exports` lists it. `misp` is several files, each with an address of its own in that list.',
        'ほかの交換形式を取得するには、`iodef-v2`の代わりに`iodef-v1`、`iodef-json`、`intelmq`、`shadowserver`、`stix`、`misp`を指定します。ファイル名は`GET /v1/days/DATE/exports`の一覧のとおりです。`misp`は複数のファイルからなり、それぞれのURLが一覧に載ります。',
      ],
      [
        'For scans from your AS numbers and prefixes in other countries than yours, ask for the country `ZZ`.',
        '自組織のAS番号・プレフィックスのうち、自組織の国・地域以外にあるものを送信元とするスキャンは、国・地域コード`ZZ`で取得します。',
      ],
      [
        'If the collector has a certificate of its own authority, name that: `enaga pull --ca FILE`, `curl --cacert FILE`.',
        'コレクターの証明書が独自の認証局によるものであれば、`enaga pull --ca FILE`、`curl --cacert FILE`で認証局の証明書を指定します。',
      ],
      [
        'The operator can also send the same files to you each morning (`enaga push`): by HTTPS, by e-mail or into a directory. Ask for it.',
        '同じファイルを、毎朝HTTPS、メール、またはディレクトリで受け取ることもできます（`enaga push`）。コレクターの管理者にご相談ください。',
      ],
    ),
  ],
};
