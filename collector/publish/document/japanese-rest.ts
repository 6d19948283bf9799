/** In Japanese what the routes of admins, of sensors and of who runs the collector say, and what is refused; by their English. */
export const JAPANESE_REST: Readonly<Record<string, string>> = {
  // what is refused
  'The path or the query is not what /v1/openapi.json describes.': 'パスまたはクエリーが、この文書の記述と異なります。',
  'What is listed has changed, or the cursor is none: begin without it.':
    '一覧の内容が変わったか、カーソルが正しくありません。カーソルなしでやり直してください。',
  'This takes a token that is known and has not expired: Authorization: Bearer TOKEN.':
    '有効期限内の正しいトークンが必要です（Authorization: Bearer TOKEN）。',
  'This token does not read that: GET /v1/reader says what it reads.':
    'このトークンでは閲覧できません。閲覧できる範囲は、GET /v1/readerで確認できます。',
  'Nothing is shown of that day.': 'その日について、表示できるものはありません。',
  'Nothing is shown of a peer or an import of that name.': 'その名前の観測網または取り込みデータはありません。',
  'Nothing is shown of a sensor of that name.': 'その名前のセンサーについて、表示できるものはありません。',
  'There is no such file.': 'そのファイルはありません。',
  'Records of that day are kept no longer: there are its figures alone.':
    'その日の記録は保存期間を過ぎて削除され、集計値だけがあります。',
  'There are application/json, application/x-ndjson and text/csv.':
    'application/json、application/x-ndjson、text/csvのいずれかで取得できます。',
  'Come again after Retry-After.': 'Retry-Afterの秒数だけ待ってから、再度要求してください。',
  'Nothing is counted yet. Come again after Retry-After.':
    'まだ集計されていません。Retry-Afterの秒数だけ待ってから、再度要求してください。',
  'What this is answered from is being counted, or counted again. Come again after Retry-After.':
    '対象の数値を集計（または再集計）しています。Retry-Afterの秒数だけ待ってから、再度要求してください。',
  'The collector has not been told who sends its exchange files: its operator sets it in exports.json of the data directory.':
    '交換用ファイルの発行者が、コレクターに設定されていません。運用者がデータディレクトリのexports.jsonで設定します。',
  'That day is still open. It is closed 24 hours after its end, and an hour after its last packets came, at the earliest.':
    'その日はまだ集計中です。確定するのは、早くても日の終わりから24時間後、かつ最後のパケットが届いてから1時間後です。',
  'of an open day: when it is closed at the earliest, UTC, ISO 8601':
    '集計中の日が確定する最も早い日時（UTC、ISO 8601形式）',
  'Each of errors names a field of the body and says what is wrong with it.':
    'errorsに、誤りのある項目とその内容を示します。',
  'There is no sensor of this name that is not revoked.': 'その名前の有効なセンサーはありません。',
  'There is no member of this name that is not revoked.': 'その名前の有効なメンバーはありません。',
  'An admin cannot shut itself out: another admin, or enaga member revoke, can.':
    '管理者が自組織を取り消すことはできません。ほかの管理者、またはenaga member revokeで行ってください。',
  'Somebody else changed the registry at this moment: look, and ask again.':
    '同時に別の変更が行われました。内容を確認してから、再度要求してください。',
  'The batch cannot be opened: its bytes contradict the format.': 'バッチを開けません。内容が形式に合っていません。',
  'The key is unknown, or the signature does not hold.': '鍵が登録されていないか、署名が正しくありません。',
  'This sensor was revoked, or has a newer key: ask who runs the collector.':
    'センサーが取り消されたか、新しい鍵に替わっています。コレクターの管理者にお問い合わせください。',
  'This epoch and sequence hold other content: open nextEpoch and seal again.':
    'この世代と番号には別の内容が記録されています。nextEpochを始めて、封印し直してください。',
  'The body is larger than this resource takes.': '本文が大きすぎます。',
  'The collector cannot take this now. Come again after Retry-After.':
    '現在受け付けられません。Retry-Afterの秒数だけ待ってから、再度要求してください。',
  'The body is not one JSON object in UTF-8.': '本文が、UTF-8の1つのJSONオブジェクトではありません。',
  'The token is unknown, used or expired, or the key is none.':
    'トークンが無効・使用済み・期限切れであるか、鍵が正しくありません。',
  'A problem of RFC 9457': 'RFC 9457のProblem Details（エラーの詳細）',
  'urn:enaga:problem:CODE: programs go by this': 'urn:enaga:problem:CODE。プログラムはこれで判別する',
  'in few words, in English': '要約（英語）',
  'the HTTP status': 'HTTPステータス',
  'JSON pointer into the body': '本文の箇所（JSONポインター）',
  'what is wrong, for programs': '誤りの種類（プログラム向け）',
  // administration
  'Your sensors; of an admin all there ever were': '自組織のセンサー。管理者には、過去のものを含むすべて',
  organisation: '所有組織',
  'where it stands: ISO 3166-1 alpha-2': '設置地域（ISO 3166-1の2文字コード）',
  'observed, CIDR': '観測ネットワーク（CIDR表記）',
  'when its last batch came; null if none did': '最後のバッチを受信した日時。なければnull',
  'null if none came since the collector started; so are the five that follow':
    '最後のハートビートの日時。コレクターの起動後に届いていなければ、続く5項目とともにnull',
  "its clock less the collector's": 'コレクターとの時刻差（ミリ秒）',
  'its oldest batch that is not acknowledged; null if there is none': '受領待ちの最も古いバッチの時刻。なければnull',
  'sealed and not acknowledged': '封印済みで受領待ちの件数',
  'of its program': 'プログラムのバージョン',
  'what somebody should look at': '確認が必要な事項',
  'Add a sensor, with a token that enrols it': 'センサーを追加し、登録用のトークンを発行',
  'For admins. Each change is in `enaga audit --all`.': '管理者用です。変更は`enaga audit --all`に残ります。',
  'hours that the token is good for, 24 unless given': 'トークンの有効時間（既定値24）',
  'days that the token is good for, 365 unless given': 'トークンの有効日数（既定値365）',
  'where the sensor reaches this collector; as you do unless given':
    'センサーから見たコレクターのURL（既定値は、この要求と同じもの）',
  'told this once': 'トークン。返すのはこの一度だけ',
  'to run on the sensor': 'センサーで実行するコマンド',
  'of the sensor, the organisation or the member': 'センサー、組織、またはメンバーの名前',
  'Organisations, by name; for admins': '組織の一覧（名前順、管理者用）',
  'Add an organisation': '組織を追加',
  'Members there ever were, by name; for admins': 'メンバーの一覧（過去のものを含む。名前順、管理者用）',
  'whose sources it may read of': '記録を閲覧できる送信元の国・地域',
  'AS numbers': 'AS番号',
  CIDR: 'プレフィックス（CIDR表記）',
  'null: it is not': '取り消した日時。有効ならnull',
  'when the last of its tokens ends; null if it has none': '最後のトークンの有効期限。なければnull',
  'Make an organisation a member': '組織をメンバーにする',
  'A token for a new key of a sensor': 'センサーの鍵を更新するためのトークンを発行',
  'Refuse what a sensor sends from now on, for good': 'センサーを取り消し、以後の送信を拒否',
  'Another token of a member': 'メンバーのトークンを追加で発行',
  "Void a member's tokens at once": 'メンバーのトークンを直ちに無効化',
  // sensors
  'Hand over a batch': 'バッチの受け渡し',
  'Signed (RFC 9421). Answered once the batch is durable; a duplicate gets the same answer.':
    '署名が必要です（RFC 9421）。バッチがディスクに保存されてから応答します。重複した場合も同じ応答を返します。',
  "of the batch's canonical bytes, lower-case hexadecimal": 'バッチの正規形のSHA-256（16進数、小文字）',
  "Tell a sensor's account": 'センサーの状況報告',
  'Signed (RFC 9421). The answer lists the sequences that the collector lacks. An empty object only asks whether the key is known: it is answered without gaps, and nothing is taken from it.':
    '署名が必要です（RFC 9421）。コレクターに届いていないバッチの番号を返します。空のオブジェクトは、鍵が有効かどうかの確認だけに使います。欠けているバッチの番号は返さず、何も記録しません。',
  'CIDR prefixes the sensor observes': '観測ネットワーク（CIDR表記）',
  'Enrol a sensor': 'センサーの登録',
  'With a single-use token. The answer names the key, which signs everything that follows.':
    '一度だけ使えるトークンで登録します。応答にある鍵IDの鍵で、以後のすべての要求に署名します。',
  'Ed25519, 32 bytes in base64url': 'Ed25519公開鍵（32バイト、base64url）',
  'names the key in signatures': '署名で使う鍵ID',
  // for whoever runs it
  'Whether the process lives': 'プロセスが動作しているか',
  'Whether batches are taken': 'バッチを受け付けているか',
  'Metrics for Prometheus': 'Prometheus形式の運用指標',
};
