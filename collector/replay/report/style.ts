/** The report's style: one column, quiet rules, the reader's own fonts, light and dark, phone to paper. */

import { inkCss } from '../../publish/charts/ink.ts';
import { LANGUAGE_CSS } from '../../publish/html.ts';

/** Below this the narrow drawing of a chart is shown: it is drawn for 360 and the wide one would shrink past reading. */
const wideMin = '48rem';

export const STYLE = `${inkCss()}
${LANGUAGE_CSS}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Hiragino Sans","Noto Sans JP","Noto Sans CJK JP","Yu Gothic UI",Meiryo,sans-serif;font-variant-numeric:tabular-nums}
.ja{line-height:1.75;line-break:strict}
h1{word-break:auto-phrase}
main,header,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
header{display:flex;align-items:center;gap:1rem;justify-content:space-between;padding-top:1.5rem}
.mark{display:flex;align-items:center;gap:.6rem;font-weight:650;letter-spacing:.02em}
.mark svg{width:1.9rem;height:1.9rem}
.switch{display:flex;gap:.15rem;border:0;margin:0;padding:0;font-size:.875rem}
.switch input{position:absolute;opacity:0;pointer-events:none}
.switch label{padding:.3rem .75rem;border-radius:2rem;color:var(--quiet);cursor:pointer;border:1px solid transparent}
.switch input:checked+label{color:var(--ink);border-color:var(--rule-strong);background:var(--raised)}
.switch input:focus-visible+label{outline:2px solid var(--accent);outline-offset:2px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.when{color:var(--quiet);margin:3.25rem 0 .4rem}
h1{font-size:clamp(1.55rem,1.1rem + 2.1vw,2.4rem);line-height:1.25;letter-spacing:-.012em;font-weight:650;margin:0 0 1rem;text-wrap:balance;max-width:24em}
h1 .ja{letter-spacing:0;line-height:1.4;font-size:.92em}
.lede{font-size:1.125rem;max-width:44em;margin:0 0 .8rem;text-wrap:pretty}
.rises{list-style:none;margin:1.6rem 0 0;padding:0;max-width:46em}
.rises li{border-left:3px solid var(--series-2);padding:.1rem 0 .1rem .9rem;margin:.7rem 0}
.figures{display:flex;flex-wrap:wrap;justify-content:space-between;gap:1.2rem 2rem;margin:2.4rem 0 0;padding:1.4rem 0;border-block:1px solid var(--rule)}
.figures div{display:flex;flex-direction:column-reverse;justify-content:flex-end}
.figures .ja{line-height:inherit}
.figures dt{color:var(--quiet);font-size:.875rem}
.figures div{min-width:0}
.figures dd{margin:0;overflow-wrap:anywhere;font-size:clamp(1.1rem,.85rem + 1.1vw,1.4rem);font-weight:600;line-height:1.35;letter-spacing:-.01em}
section{margin-top:3.6rem}
h2{font-size:1.3rem;line-height:1.35;font-weight:650;margin:0 0 .3rem;letter-spacing:-.005em}
h3{font-size:1rem;font-weight:650;margin:0}
.note,.source,figcaption{color:var(--quiet);font-size:.9rem;max-width:48em;margin:0}
figure{margin:.9rem 0 0}
figure .drawn{margin-top:.6rem}
.chart{display:block;width:100%;height:auto;max-width:35rem;font-family:inherit;overflow:visible}
.wide{display:none}
.pair{display:grid;gap:2.2rem 2.5rem;margin-top:.6rem}
@media (min-width:${wideMin}){.chart{max-width:none}.wide{display:block}.narrow{display:none}.pair{grid-template-columns:1fr 1fr}}
.after{margin-top:2.2rem}
details{margin-top:.5rem;font-size:.9rem}
summary{cursor:pointer;color:var(--quiet);width:fit-content;padding:.15rem 0}
summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll{overflow-x:auto;margin-top:1rem}
details .scroll{max-height:24rem;overflow:auto;border:1px solid var(--rule);margin-top:.4rem}
table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.45}
th,td{padding:.42rem .7rem;text-align:left;border-bottom:1px solid var(--rule);vertical-align:baseline}
th:first-child,td:first-child{padding-left:0}
details th:first-child,details td:first-child{padding-left:.7rem}
th:last-child,td:last-child{padding-right:0}
details th:last-child,details td:last-child{padding-right:.7rem}
td{white-space:nowrap}
.wrap{white-space:normal;min-width:11rem}
thead th,thead td{color:var(--quiet);font-weight:500;font-size:.82rem;vertical-align:bottom;border-bottom-color:var(--rule-strong)}
details thead th{position:sticky;top:0;background:var(--ground);box-shadow:0 1px var(--rule-strong)}
tbody th{font-weight:600;white-space:nowrap}
details tbody th{font-weight:400}
.n{text-align:right;white-space:nowrap}
.sub{color:var(--quiet);font-weight:400}
.address{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.85em;overflow-wrap:anywhere}
.time{white-space:nowrap;color:var(--quiet)}
.bar{display:block;height:.5rem;min-width:1px;border-radius:1px;background:var(--accent);width:calc(var(--part)*1%)}
.bars{width:18%}
.spark{display:block}
.spark path{fill:var(--quiet)}
.warn{border-left:3px solid var(--warn);padding:.1rem 0 .1rem .9rem;max-width:46em}
.method{max-width:48em}
.method dt{font-weight:600;margin-top:.9rem}
.method dd{margin:0}
footer{color:var(--quiet);font-size:.875rem;margin-top:4rem;padding-top:1.2rem;padding-bottom:3rem}
@media (max-width:40rem){.bars,.trend{display:none}th,td{padding-inline:.45rem}section{margin-top:3rem}.when{margin-top:2rem}.figures{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem 1rem}tbody th .sub{display:block;font-size:.92em}}
@page{size:A4;margin:16mm 15mm 15mm}
@media print{body{font-size:9.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
main,header,footer{max-width:none;padding:0}
.switch,details{display:none}
.wide{display:block}.narrow{display:none}.chart{max-width:none}.pair{grid-template-columns:1fr 1fr}
header{padding-top:0}.when{margin-top:1.2rem}h1{font-size:19pt}.lede{font-size:11pt}.figures{margin-top:1.4rem;padding:.8rem 0;gap:.8rem 1.2rem}.figures dd{font-size:11.5pt}.figures dt{font-size:8pt}
section{margin-top:1.6rem}h2,h3,figcaption{break-after:avoid}figure,tr,.figures,.rises li,.pair{break-inside:avoid}thead{display:table-header-group}
th,td{padding:.24rem .6rem}.scroll{overflow:visible;margin-top:.5rem}.bars,.trend{display:table-cell}
p,dd{orphans:3;widows:3}.method{font-size:9pt;max-width:none;columns:2;column-gap:2rem}.method dt{margin-top:.5rem;break-after:avoid}.method dd{break-inside:avoid}footer{margin-top:1.6rem;padding:.6rem 0 0;border-top:1px solid var(--rule)}}
`;
