/** Why packets became no record, in words. The reasons are the decoder's; one added there is a type error here. */

import type { SkipReason } from '../../common/packet/skip.ts';
import type { Words } from './words.ts';

const SKIPPED: Record<SkipReason, Words> = {
  'link-type': { en: 'a link type that is not read', ja: '対応していないリンク種別' },
  arp: { en: 'ARP', ja: 'ARP' },
  ethertype: { en: 'neither IPv4 nor IPv6', ja: 'IPv4でもIPv6でもないフレーム' },
  fragment: {
    en: 'a fragment that is not the first: it has no ports',
    ja: '先頭以外のフラグメント（ポート番号がない）',
  },
  truncated: { en: 'captured too short for its headers', ja: 'ヘッダーの途中で切れたパケット' },
  'bad-version': { en: 'not the IP version announced', ja: 'IPバージョンの不一致' },
  'bad-length': { en: 'lengths that contradict each other', ja: '長さの矛盾' },
  'not-observed': { en: 'sent to none of the observed networks', ja: '観測対象外のネットワーク宛' },
  'no-time': { en: 'without a usable time', ja: '時刻なし・時刻不正' },
  sent: { en: 'sent by the sensor itself', ja: 'センサー自身が送信したパケット' },
  broadcast: { en: 'broadcast on the link', ja: 'リンク上のブロードキャスト' },
  multicast: { en: 'multicast on the link', ja: 'リンク上のマルチキャスト' },
  neighbour: { en: 'neighbour discovery of the link', ja: 'リンクの近隣探索' },
  solicited: { en: 'answers to what the host itself sent', ja: 'ホスト自身の通信に対する応答' },
  managed: { en: "for the host's declared services", ja: '申告済みのサービス宛の通信' },
};

/** What a reason means; one from another version says only its own name. */
export const skippedText = (reason: string): Words =>
  Object.hasOwn(SKIPPED, reason) ? SKIPPED[reason as SkipReason] : { en: reason, ja: reason };
