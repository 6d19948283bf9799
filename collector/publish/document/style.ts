/** Of the document's page, over the pages' style sheet. It stands in the page, which is let use it by its hash. */
import { stillPolicy } from '../policy.ts';

export const STYLE = `.mark svg{width:1.9rem;height:1.9rem}
.api{display:grid;grid-template-columns:minmax(0,15rem) minmax(0,1fr);gap:0 3rem;align-items:start;margin:1.4rem 0 3rem}
.contents{display:block;margin-inline:0;position:sticky;top:1rem;font-size:.9rem;max-height:calc(100vh - 2rem);overflow:auto}
.contents h2{font-size:1rem;margin:0 0 .4rem}
.contents ul{list-style:none;margin:0;padding:0}
.contents a{display:block;padding:.15rem 0;color:inherit;white-space:normal;border-radius:0}
.manual{max-width:64rem}
.manual h2{margin:2.2rem 0 .6rem;scroll-margin-top:1rem}
.manual h3{font-size:.95rem;margin:1rem 0 .3rem}
.manual p,.manual li{max-width:46rem}
.manual p{margin:.7rem 0}
.manual li{margin:.25rem 0}
.manual code,.manual pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Noto Sans Mono CJK JP",monospace;font-size:.86em}
.manual code{overflow-wrap:anywhere}
.manual pre{overflow-x:auto;padding:.8rem 1rem;border:1px solid var(--rule-strong,#bbb);border-radius:.5rem;background:var(--raised,#fff);line-height:1.5}
.manual pre code{font-size:1em;overflow-wrap:normal}
.manual td code{overflow-wrap:break-word}
.wide{overflow-x:auto}
.manual table{border-collapse:collapse;font-size:.9rem;width:100%}
.manual th,.manual td{text-align:start;vertical-align:top;padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--rule,#ddd);white-space:normal}
.manual .type{color:var(--quiet,#555);font-size:.9em;overflow-wrap:anywhere}
.manual details{border-top:1px solid var(--rule,#ddd);padding:.5rem 0}
.manual summary{cursor:pointer}
.manual summary .what{display:block;color:var(--quiet,#555);font-size:.92rem}
.method{font-weight:650;font-size:.8rem;letter-spacing:.03em}
.token{border:1px solid var(--rule-strong,#bbb);border-radius:1rem;padding:0 .5rem;font-size:.78rem;white-space:nowrap}
.refusals{font-size:.9rem;padding-inline-start:1.2rem}
@media(max-width:52rem){.api{display:block}.contents{position:static;max-height:none;margin-bottom:1.6rem}.contents ul{columns:2}}
@media print{.contents{display:none}.api{display:block}}`;

export const POLICY = stillPolicy(STYLE);
