/**
 * What a browser is shown that asks for a page while what makes the pages is begun again: whole as it is sent, as its style sheet
 * could not be had either, and asked for again by itself.
 */
import type { FastifyRequest } from 'fastify';
import { INK } from '../charts/ink.ts';
import { Html, html } from '../html.ts';
import { stillPolicy } from '../policy.ts';
import type { Words } from '../words.ts';
import { BIRD_INLINE } from './bird.ts';
import { languageFor } from './language.ts';
import { asksForPage, PAGE_HEADERS } from './plugin.ts';

const TITLE: Words = { en: 'Back in a moment', ja: 'まもなく再開します' };
const TEXT: Words = {
  en: 'The pages of this collector cannot be shown just now. This page loads again by itself. What sensors send is still received.',
  ja: '現在、このコレクターのページを表示できません。このページは自動的に再読み込みされます。センサーからのデータは引き続き受信しています。',
};

const colours = ({ ground, ink, quiet }: (typeof INK)['light' | 'dark']): string =>
  `--ground:${ground};--ink:${ink};--quiet:${quiet}`;
const STYLE = `:root{color-scheme:light dark;${colours(INK.light)}}
@media(prefers-color-scheme:dark){:root{${colours(INK.dark)}}}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Hiragino Sans","Noto Sans JP","Noto Sans CJK JP","Yu Gothic UI",Meiryo,IPAPGothic,sans-serif}
main{max-width:34rem;margin:18vh auto 0;padding:0 1.2rem}
svg{width:3.2rem;height:3.2rem}
h1{font-size:1.5rem;margin:.6rem 0}
p{color:var(--quiet);margin:0}
:lang(ja){line-height:1.7;line-break:strict}`;

/** A refresh alone will not do: of an address with a # Chromium loads nothing again, and only looks for the place in this page. */
const SCRIPT = 'setTimeout(() => location.reload(), 1000 * document.documentElement.dataset.again)';

const HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': stillPolicy(STYLE, SCRIPT),
  'cache-control': 'no-store',
  vary: 'accept, accept-language',
};

/** In the reader's language; undefined for whoever asks for anything but a page. */
export function awayPage(request: FastifyRequest, againSeconds: string) {
  if (!['GET', 'HEAD'].includes(request.method) || !asksForPage(request)) return undefined;
  const { lang } = request.query as { lang?: unknown };
  const language = languageFor(typeof lang === 'string' ? lang : undefined, request.headers['accept-language']);
  const page = html`<!doctype html>
<html lang="${language}" data-again="${againSeconds}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${TITLE[language]} · Enaga</title>
<style>${new Html(STYLE)}</style>
<script>${new Html(SCRIPT)}</script>
<noscript><meta http-equiv="refresh" content="${againSeconds}"></noscript>
</head>
<body>
<main>${new Html(BIRD_INLINE)}<h1>${TITLE[language]}</h1><p>${TEXT[language]}</p></main>
</body>
</html>
`;
  return { headers: { ...HEADERS, 'content-language': language }, body: page.markup };
}
