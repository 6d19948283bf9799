/** In Japanese what routes that read say of themselves, by their English. What is the same in both languages stands for itself. */
export const JAPANESE_READ: Readonly<Record<string, string>> = {
  // days
  'Days that can be read, ascending': '閲覧できる日の一覧（古い順）',
  'A closed day has its files with it, a revised one what changed. Size and SHA-256 are null of a file that was not made yet.':
    '確定した日にはファイルの一覧、改訂された日には変わった内容が付きます。まだ作られていないファイルのサイズとSHA-256はnullです。',
  'a day, or the first and the last': '1日、または最初の日と最後の日',
  'rows of a page, 200000 unless given': '1ページの行数（既定値200000）',
  'next of the page before': '前のページの`next`',
  'list the files of this format (csv unless given), or none':
    '一覧に載せるファイルの形式（既定値csv）。noneなら載せない',
  'cursor of the next page': '次のページのカーソル',
  'UTC, YYYY-MM-DD': 'UTC、YYYY-MM-DD形式',
  'open: still counted; closed: revision 1; revised: closed again after late data or a change of the sensors left out, revision 2 or later':
    'open：集計中、closed：確定（第1版）、revised：遅れて届いたデータ、または除外するセンサーの変更により改訂（第2版以降）',
  'of an open day: when the last batch that is counted in it was received, UTC, ISO 8601':
    '集計中の日のみ：集計に含まれている最後のバッチを受信した時刻。UTC、ISO 8601形式',
  'distinct, of one sensor in the mean; null for the public':
    '異なる送信元の数、センサー1台あたりの平均。一般公開の表示ではnull',
  'the revision before': '前の版',
  'received since, of the day': 'その後に届いた、この日のバッチ数',
  'sensors that an admin had left out': '前の版で、管理者が除外していたセンサーの数',
  '... and that are left out now': '現在の版で除外されているセンサーの数',
  'bytes; null: not made yet': 'バイト数。未作成ならnull',
  'hexadecimal, without Content-Encoding': '16進数。Content-Encodingを解いた後の値',
  'media type': 'メディアタイプ',
  'the rows, a JSON object a line': '行のみ。1行に1つのJSONオブジェクト',
  'Totals of a day, or of each of several': '1日の合計、または複数の日それぞれの合計',
  'UTC, YYYY-MM-DD, or YYYY-MM-DD:YYYY-MM-DD, at most 31 days':
    'UTC、YYYY-MM-DD形式、またはYYYY-MM-DD:YYYY-MM-DD（31日まで）',
  'distinct; null where this reader has none': '送信元数（重複を除く）。この権限で閲覧できなければnull',
  'those not seen in backscatter alone; 0 where not counted':
    'バックスキャッターのみで観測されたものを除いた送信元数。数えていない場合は0',
  'packets by sensor, had it watched all the time; null where all together watched less than 5% of one sensor’s time':
    '1センサーあたりの平均パケット数（観測時間で補正）。全センサーの観測時間の合計が1台分の5%未満ならnull',
  'of all packets, 0 to 1': '全パケットに占める割合（0～1）',
  'database of countries': '国別データベース',
  "A closed day's files with their sizes and SHA-256": '確定した日のファイルとそのサイズ、SHA-256',
  'of the files': 'ファイルの形式',
  "A closed day's exchange files for you, with their sizes and SHA-256 where they were made before":
    '確定した日の、自組織向けの交換用ファイル。作成済みならサイズとSHA-256も示す',
  'A day of scans from a country, as an exchange file': '1つの国・地域を送信元とする1日分のスキャン（交換用ファイル）',
  'IODEF, RFC 5070': 'RFC 5070のIODEF',
  'IODEF version 2, RFC 7970': 'RFC 7970のIODEFバージョン2',
  'IODEF version 2 as JSON, RFC 8727': 'RFC 8727のIODEFバージョン2（JSON形式）',
  'IntelMQ events, one a line': 'IntelMQのイベント（1行に1件）',
  "CSV with Shadowserver's columns": 'Shadowserverと同じ列のCSV',
  'a MISP feed of one event (a directory)': '1件のイベントからなるMISPフィード（ディレクトリ）',
  'a STIX 2.1 bundle': 'STIX 2.1のバンドル',
  'where the scans came from; ZZ: your AS numbers and prefixes, in other countries than yours':
    'スキャンの送信元の国・地域。ZZは、自組織の国・地域以外にある、自組織のAS番号とプレフィックス',
  'of IODEF; records: an event a record, unless given; csv: one event with all records as CSV':
    'IODEFの出力形態。records：記録ごとに1つのイベント（既定値）、csv：1つのイベントに全記録をCSVで収める',
  'The file': 'ファイル',
  // tables
  'Destination ports and ICMP types': '宛先ポートとICMPタイプ',
  'tcp, udp, icmp, ..., or the number of a protocol without ports':
    'tcp、udp、icmpなど。ポートのないプロトコルはプロトコル番号',
  'null for ICMP': 'ICMPではnull',
  'of ICMP, else null': 'ICMPのもの。それ以外はnull',
  'Countries of sources': '送信元の国・地域',
  'of the source: ISO 3166-1 alpha-2, ?? unknown': '送信元の国・地域（ISO 3166-1の2文字コード、??は不明）',
  'Ports of a country, countries of a port': '国・地域ごとの宛先ポート、宛先ポートごとの国・地域',
  '23/tcp, 8/icmp, 3:1/icmp, 47/ip': '23/tcp、8/icmp、3:1/icmp、47/ipなど',
  'only this country: ISO 3166-1 alpha-2, ?? unknown': 'この国・地域のみ（ISO 3166-1の2文字コード、??は不明）',
  'Autonomous systems of sources': '送信元のAS',
  '0 unknown': '0は不明',
  'Scans, backscatter and the rest': 'スキャン、バックスキャッター、その他',
  "Packets with the marks of scan tools, and sources confirmed as a tool's":
    'スキャンツールの特徴を持つパケットと、そのツールと確認された送信元',
  'Hours of the day, UTC': '時間別（UTC）',
  'How complete the days of your sensors are': '自組織のセンサーの、日ごとの観測状況',
  'seen = packets + kernelDrops + interrupted + skipped + lostPackets':
    '常に、seen = packets + kernelDrops + interrupted + skipped + lostPackets が成り立ちます。',
  'share of the day': '観測していた時間の割合',
  'left out of all counts': 'すべての集計から除外されている',
  "IPv4 addresses allocated to each country, by the day's database of countries":
    '国・地域ごとの割り当てIPv4アドレス数（その日の国別データベースによる）',
  'ISO 3166-1 alpha-2': 'ISO 3166-1の2文字コード',
  // series and ranks
  'Hours or days of everything, of ports, or of countries; one after another':
    '全体、ポート、国・地域の推移（1時間ごとまたは1日ごと、指定した順）',
  'of ports: 23/tcp, 8/icmp, 3:1/icmp, 47/ip; of countries: JP; several with commas, at most 12':
    'ポートは23/tcp、8/icmp、3:1/icmp、47/ip、国・地域はJPのように指定。コンマ区切りで12個まで',
  'first day': '最初の日',
  'last day': '最後の日',
  'hours: at most 31 days; days: at most 366': '1時間ごとは31日まで、1日ごとは366日まで',
  'UTC, ISO 8601': 'UTC、ISO 8601形式',
  'null where kept no longer': '保存期間を過ぎていればnull',
  'whose row it is': '行の対象',
  'Destination ports and ICMP types, ranked over a day, a week, a month or a quarter':
    '宛先ポートとICMPタイプの順位（日、週、月、四半期）',
  'Countries of sources, ranked over a day, a week, a month or a quarter':
    '送信元の国・地域の順位（日、週、月、四半期）',
  'weeks begin on Monday': '週は月曜日から',
  'any day of the period': '期間内の任意の日',
  'most of what first, packets unless given; sources are for members':
    '順位の基準（既定値はパケット数）。送信元数はメンバーのみ',
  'in the period before; null if it was not there': '前の期間での順位。なければnull',
  "sum of the days' distinct sources": '各日の送信元数の合計',
  'Economies that sensors stood in lately': '最近センサーが設置されていた地域',
  'The public sees one economy against the rest: of a day that with the most sensors, if both sides have enough of them.':
    '一般公開するのは1つの地域とそれ以外の比較だけです。各日について、センサーが最も多く、かつ双方に十分な数のセンサーがある地域に限ります。',
  'that counted something; null for the public': '観測のあったセンサー数。一般公開ではnull',
  'Sensors of one economy against all others, day by day': '1つの地域のセンサーとそれ以外の比較（日別）',
  'sensors that stand in the economy, and all others': 'domestic：その地域のセンサー、overseas：それ以外',
  'Busiest ports of the sensors of one economy, and of all others': '1つの地域のセンサーとそれ以外の、上位の宛先ポート',
  'rows of each side, 20 unless given': 'それぞれの行数（既定値20）',
  'Which sensors saw a port, or which ports a sensor saw': 'ポートごとのセンサー、またはセンサーごとのポート',
  'Give port or sensor. Your own sensors are named; all others together are one row without a name. Of closed days the thousand busiest ports of each sensor are kept.':
    'ポートかセンサーのどちらかを指定します。自組織のセンサーは名前を示し、それ以外はまとめて名前のない1行で示します。確定した日については、センサーごとに上位1,000ポートを保存しています。',
  'one of your sensors': '自組織のセンサー',
  "rows of a sensor's day, 20 unless given": '1センサー1日あたりの行数（既定値20）',
  'null: all sensors that are not yours': 'nullは、自組織以外のすべてのセンサー',
  'its organisation': '所有組織',
  'where it stands': '設置地域',
  'that counted anything: 1, or those that are not yours':
    '観測のあったセンサー数（自組織の1台、または自組織以外の合計）',
  'of them, those that saw the port': 'そのうち、このポートを観測したセンサー数',
  'packets to all ports': '全ポート宛のパケット数',
  'part of the packets that the busiest of them had': '最も多く観測した1台が占める割合',
  'What the packets to a port were, day by day: by class and by the marks of tools':
    '1つのポート宛パケットの内訳（日別）：分類別、ツールの特徴別',
  "At most 366 days. Scan, backscatter and other sum to the port's packets; a packet may have several marks. Of Nmap there is none: it shows in several packets of a source.":
    '366日まで。scan、backscatter、otherの合計はそのポート宛の全パケットです。1つのパケットが複数のツールの特徴を持つことがあります。Nmapは、1つの送信元の複数のパケットからわかるため、ここには含みません。',
  'a class, or a tool whose mark the packets have': '分類、またはパケットがその特徴を持つツール',
  'null for a day counted before kinds were counted': '内訳の集計を始める前の日はnull',
  'From which autonomous systems the packets to a port came, over some days':
    '1つのポート宛パケットの送信元AS（期間合計）',
  'At most 92 days. Of closed days, counted from the log soon after they are closed and kept for 90 days, where the collector has a database of autonomous systems.':
    '92日まで。確定した日について、確定後にログから集計し、90日間保存します。コレクターにASデータベースがある場合に限ります。',
  'days that the rows are of': '集計した日',
  'days with packets to the port of which no AS is told': 'このポート宛のパケットがあり、ASを集計していない日',
  'of autonomous systems, with its date': 'ASデータベースの名前と日付',
  'of autonomous systems, with its date; null: the day was counted without one':
    'ASデータベースの名前と日付。nullは、その日をデータベースなしで集計したことを表す',
  "of the port's packets on the days counted, 0 to 1": '集計した日の、このポート宛の全パケットに占める割合（0～1）',
  'What the packets from a country were, day by day: by class and by tool':
    '1つの国・地域からのパケットの内訳（日別）：分類別、ツール別',
  "At most 366 days. Scan, backscatter and other sum to the country's packets; a packet may have the marks of several tools. Nmap's are those of sources confirmed to use it.":
    '366日まで。scan、backscatter、otherの合計はその国・地域からの全パケットです。1つのパケットが複数のツールの特徴を持つことがあります。Nmapは、Nmapの使用が確認された送信元からのパケットです。',
  'a class, or a tool': '分類またはツール',
  "distinct; a tool's once two packets confirmed it; of a day with more sources than are kept, scaled from a sample; null for a day counted before kinds were counted":
    '送信元数（重複を除く）。ツールは2パケット以上で確認したもの。送信元数が保存できる上限を超えた日は標本からの推定値。内訳の集計を始める前の日はnull',
  'From which autonomous systems the packets from a country came, over some days':
    '1つの国・地域からのパケットの送信元AS（期間合計）',
  'At most 92 days, where the collector has a database of autonomous systems. Open days too.':
    '92日まで。コレクターにASデータベースがある場合に限ります。集計中の日も含みます。',
  'days with packets from the country of which no AS is told': 'この国・地域からのパケットがあり、ASを集計していない日',
  'distinct, of one day; of a day with more sources than are kept, scaled from a sample; null of several days':
    '1日の送信元数（重複を除く）。送信元数が保存できる上限を超えた日は標本からの推定値。複数の日についてはnull',
  "of the country's packets on the days counted, 0 to 1":
    '集計した日の、この国・地域からの全パケットに占める割合（0～1）',
  'From which autonomous systems all packets came, over some days': '全パケットの送信元AS（期間合計）',
  'days with packets of which no AS is told': 'パケットがあり、ASを集計していない日',
  'of all packets on the days counted, 0 to 1': '集計した日の全パケットに占める割合（0～1）',
  'autonomous systems in all, without 0': 'ASの総数（0を除く）',
  'The ranks that a port or a country had, by day, week, month or quarter':
    '1つのポートまたは国・地域の順位の推移（日、週、月、四半期ごと）',
  'At most 92 periods. By packets. A rank is told up to 1000, to the public as far as a table is shown.':
    '92期間まで。順位はパケット数によります。1,000位まで、一般公開では表に示す範囲で示します。',
  'what is ranked': '順位の対象',
  '23/tcp, 8/icmp; or a country: JP': '23/tcp、8/icmpなど。国・地域はJPなど',
  'first day of the period': '期間の最初の日',
  'last day of the period': '期間の最後の日',
  'false where nothing is shown of the period': '期間のデータがなければfalse',
  'null if it was not among the busiest': '上位に入っていなければnull',
  'null without a rank': '順位がなければnull',
  'of all packets, 0 to 1; null without a rank': '全パケットに占める割合（0～1）。順位がなければnull',
  // peers
  'Other observatories whose figures are kept here, and how fresh they are':
    '数値を保存している他の観測網と、その新しさ',
  'peer: another collector, as it says; import: files of another system, counted here':
    'peer：他のコレクターが示す数値、import：他システムのファイルをここで集計したもの',
  'guarded: rounded, its top rows alone, as its public gets them':
    'whole：すべて、guarded：一般公開用に丸めた上位の行のみ',
  'when a peer was last read to its end: UTC, ISO 8601': '最後まで取得できた日時（UTC、ISO 8601形式）',
  'why it was not, since': 'その後、取得できなかった理由',
  'Totals of the days of a peer or an import, ascending': '他の観測網または取り込みデータの日別の合計（古い順）',
  'of GET /v1/peers': 'GET /v1/peersにある名前',
  'when it came here: UTC, ISO 8601': '取得した日時（UTC、ISO 8601形式）',
  'Destination ports and ICMP types, as a peer says or as an import was counted':
    '宛先ポートとICMPタイプ（他の観測網または取り込みデータ）',
  'Countries of sources, as a peer says or as an import was counted':
    '送信元の国・地域（他の観測網または取り込みデータ）',
  'Ports of a country, countries of a port, as a peer says or as an import was counted':
    '国・地域ごとの宛先ポート、宛先ポートごとの国・地域（他の観測網または取り込みデータ）',
  'Destination ports and ICMP types: the busiest of our own and of each peer and import, side by side':
    '上位の宛先ポートとICMPタイプを、当観測網、他の観測網、取り込みデータで並べて比較',
  'Countries of sources: the busiest of our own and of each peer and import, side by side':
    '上位の送信元の国・地域を、当観測網、他の観測網、取り込みデータで並べて比較',
  'Closed days alone. A row is one source’s figure of one name; names are those among the busiest of any source. Packets are summed over the days that the source has, share is of all its packets on them, meanPerSensor the mean of those days. Where a source’s tables are cut short, what it left out counts as nothing.':
    '確定した日のみ。1行が、1つの観測源の1項目の数値です。いずれかの観測源で上位に入った項目を並べます。パケット数は、その観測源にデータがある日の合計、割合はその全パケットに対するもの、meanPerSensorはそれらの日の平均です。表が途中までしかない観測源では、含まれない項目を0として数えます。',
  '10 unless given': '既定値10',
  'its last day here, whatever days were asked for': 'この観測源の最後の日（指定した期間によらない）',
  // records
  'Raw records of your sources, without destination': '自組織の範囲を送信元とする記録（宛先なし）',
  'Of sources in your countries, AS numbers and prefixes. In pages: a page may have no row and yet a next.':
    '自組織の国・地域、AS番号、プレフィックスを送信元とする記録です。ページに分かれ、行のないページにも続きがあることがあります。',
  '1000 unless given': '既定値1000',
  'false: records of so long ago are removed, and there are figures only':
    'false：保存期間を過ぎて記録は削除され、集計値だけがある',
  'batches looked at that are damaged where they lie: nothing of them is told':
    '保存先で破損していたバッチ数。その記録は含まれない',
  'UTC, ISO 8601 with microseconds': 'UTC、ISO 8601形式（マイクロ秒まで）',
  'of TCP, else 0': 'TCPのもの。それ以外は0',
  'of the IP packet': 'IPパケット全体の長さ',
  'whose marks the packet has': 'パケットに特徴が見られるツール',
  'Raw records of your sensors, with destination': '自組織のセンサーの記録（宛先あり）',
  'Of sensors that were yours all that day. In pages: a page may have no row and yet a next.':
    'その日を通して自組織のものだったセンサーの記録です。ページに分かれ、行のないページにも続きがあることがあります。',
  // readers
  'Who you are: one row': '自分の権限（1行）',
  'whose sources it may read of; an admin: all': '記録を閲覧できる送信元の国・地域。管理者はすべて',
  'whose sources it may read of, in any country: AS numbers': '記録を閲覧できる送信元のAS番号（国・地域を問わない）',
  'whose sources it may read of, in any country: CIDR':
    '記録を閲覧できる送信元のプレフィックス（CIDR表記、国・地域を問わない）',
  'This document': 'この文書',
  'its language; as Accept-Language says unless given': '言語。指定がなければAccept-Languageによる',
};
