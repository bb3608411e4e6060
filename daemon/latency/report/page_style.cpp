// How the page looks: one column of text and drawings, few colours, none that a word doesn't repeat.

#include "latency/report/page_parts.hpp"

namespace rtnode::latency::page {

std::string_view style() {
    return R"css(
:root{color-scheme:light dark;--paper:#fffefa;--ink:#24221e;--dim:#6d685e;--rule:#e4dfd3;--grid:#eeeae0;
--bar:#9db3ca;--blue:#3c6590;--orange:#b3451a;--good:#2c6b3f;--bad:#a51d1d;--note:#785a00}
@media screen and (prefers-color-scheme:dark){:root{--paper:#171614;--ink:#e8e4db;--dim:#a29c90;--rule:#38352f;
--grid:#292722;--bar:#46688b;--blue:#8fb5dc;--orange:#f0925c;--good:#84c794;--bad:#ff8d84;--note:#dcb955}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",
"Liberation Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
main{max-width:76rem;margin:0 auto;padding:2.2rem clamp(1rem,4vw,3rem) 3rem}
h1{font-size:clamp(1.45rem,3.6vw,2.1rem);font-weight:500;line-height:1.22;letter-spacing:-.012em;margin:.3rem 0 .5rem;
max-width:36em;text-wrap:balance}
h2{font-size:1.12rem;font-weight:600;margin:0 0 .25rem}
h3{font-size:1rem;font-weight:600;margin:1.4rem 0 .25rem}
section{margin-top:2.8rem}
p{margin:.3rem 0;max-width:52rem}
ul{margin:.4rem 0;padding-left:1.1rem;max-width:60rem}
.dim,.legend,.where{color:var(--dim)}
.good{color:var(--good)}.bad{color:var(--bad)}.note{color:var(--note)}.unknown{color:var(--dim)}
.verdict{font-weight:600}
.words,dd,li,h1,.where{overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1rem 2rem;margin:1.6rem 0 0}
.figures div{border-top:1px solid var(--rule);padding-top:.45rem}
.figures dt{color:var(--dim);font-size:.87rem}
.figures dd{margin:0;font-size:1.5rem;line-height:1.3;font-variant-numeric:tabular-nums}
.figures dd+dd{font-size:.87rem;color:var(--dim)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 3rem}
.facts dl{margin:.4rem 0 0;font-size:.9rem}
.facts dl div{display:grid;grid-template-columns:8.5rem 1fr;gap:1rem;padding:.2rem 0;border-top:1px solid var(--rule)}
.facts dt{color:var(--dim)}
.facts dd,footer dd{margin:0}
code{font:.86em/1.5 ui-monospace,"DejaVu Sans Mono",Consolas,monospace}
.key{display:inline-block;width:1.1em;margin:0 .15em 0 .5em;vertical-align:-.05em}
.key.counted{border-top:.75em solid var(--bar)}
.key.corrected{border:1.5px solid var(--orange);border-bottom:0;height:.75em}
.key.spike{width:.55em;height:.55em;border:.28em solid var(--bad);border-radius:50%;vertical-align:.05em}
.cpus{display:grid;gap:1.5rem 1.6rem;margin-top:1rem;grid-template-columns:1fr}
.cpus.pairs{grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr))}
.cpus.some{grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
.cpus.many{grid-template-columns:repeat(auto-fill,minmax(min(100%,12.5rem),1fr));align-items:end}
figure{margin:0;padding:0 8px 0 46px;break-inside:avoid}
figcaption{margin-left:-46px;font-size:.87rem;color:var(--dim)}
figcaption b{color:var(--ink);font-weight:600;margin-right:.3em}
.missed{color:var(--orange)}
.drawing{display:block;width:100%;overflow:visible;margin-top:.3rem}
.time{width:calc(100% - 90px);margin:.9rem 40px 0 50px}
svg text{font-size:10.5px;fill:var(--dim);font-variant-numeric:tabular-nums}
svg .name{text-anchor:end}
svg .value{fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg .value tspan,svg text.missed{fill:var(--orange)}
.grid line{stroke:var(--grid);shape-rendering:crispEdges}
.base{stroke:var(--dim);stroke-width:1;shape-rendering:crispEdges}
.span{stroke:var(--orange);stroke-width:1;opacity:.6}
.bars rect{fill:var(--bar);shape-rendering:crispEdges}
.bars rect:hover{fill:var(--blue)}
rect.none,.bars rect.none,.bars rect.none:hover{fill:none;pointer-events:all}
rect.lost{fill:var(--orange);shape-rendering:crispEdges}
svg path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke:var(--dim);stroke-width:1.2}
svg path.outline{stroke:var(--orange);stroke-width:1.4;pointer-events:none}
circle.counted{fill:var(--blue)}
circle.corrected{fill:var(--paper);stroke:var(--orange);stroke-width:1.6}
path.p50{stroke:var(--dim)}path.p99{stroke:var(--blue)}path.max{stroke:var(--ink)}
svg text.p99{fill:var(--blue)}svg text.max{fill:var(--ink)}
.spikes circle{fill:var(--bad);stroke:var(--paper);stroke-width:1}
.spark{display:block;width:7.5rem;height:1.25rem}
.scroll{overflow-x:auto;margin-top:.5rem}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
table{border-collapse:collapse;font-size:.87rem;font-variant-numeric:tabular-nums;line-height:1.35}
th,td{padding:.26rem .8rem .26rem 0;text-align:left;vertical-align:top;white-space:nowrap;
border-top:1px solid var(--rule)}
thead th{color:var(--dim);font-weight:400;border-top:0;vertical-align:bottom}
tbody th{font-weight:600}
th.n,td.n{text-align:right;padding:.26rem 0 .26rem .9rem}
td.n+td:not(.n),th.n+th:not(.n){padding-left:1.4rem}
td i,.legend>i:not(.key){color:var(--orange);font-style:normal}
td.dim i{opacity:.75}
.worst{font-weight:700}
td.words{white-space:normal;min-width:13rem}
.state{font-weight:600}
.pale{color:var(--dim)}.pale th{font-weight:400}
.compared{width:100%;max-width:60rem}
.compared td:last-child{width:45%;min-width:12rem}
.ends{padding-right:0}
.ends span{display:inline-block;width:33.3%}
.ends span:nth-child(2){text-align:center}.ends span:nth-child(3){text-align:right}
.interval{display:block;width:100%;overflow:visible}
.interval rect{fill:currentColor;opacity:.35}.interval circle{fill:currentColor}
summary{cursor:pointer;margin-top:.6rem}
footer{margin-top:3.2rem;border-top:1px solid var(--rule);padding-top:.9rem;font-size:.87rem;color:var(--dim)}
footer dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:.7rem 2.4rem;
margin:.5rem 0 1rem}
footer dt{font-weight:600;color:var(--ink)}
@media (max-width:36rem){.facts dl div{grid-template-columns:6.5rem 1fr}body{font-size:14px}
.cpus.many{grid-template-columns:1fr 1fr;gap:1.2rem .5rem}
.wordy,.wordy tbody{display:block}.wordy thead{display:none}
.wordy tr{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.3rem 0;border-top:1px solid var(--rule)}
.wordy td.n,.wordy td{border:0;padding:0}.wordy td.words{flex:0 0 100%;min-width:0}.wordy td[data-of]::before{
content:attr(data-of) " "}}
@media print{:root{--paper:#fff;font-size:12px}body{font-size:9pt}main{max-width:none;padding:0}
section{margin-top:1.6rem}.scroll{overflow:visible}table{font-size:7.5pt}th.n,td.n{padding-left:.5rem}
tr,.figures div{break-inside:avoid}h2,h3,.legend,thead{break-after:avoid}
.cpus.pairs{grid-template-columns:repeat(2,1fr)}.cpus.some{grid-template-columns:repeat(3,1fr)}
.cpus.many{grid-template-columns:repeat(4,1fr)}}
)css";
}

} // namespace rtnode::latency::page
