/** The style sheet of a report: light or dark as the reader prefers, from 360 pixels on, and on paper. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1c2126;--quiet:#4c555e;--back:#fff;--line:#c9ced3;--head:#f1f3f5;--link:#0b62a8}
@media screen and (prefers-color-scheme:dark){:root{--text:#e3e6e8;--quiet:#a9b2ba;--back:#16191d;--line:#3d444b;--head:#22272c;--link:#6cb4f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main,header,footer{max-width:1640px;margin:0 auto;padding:0 16px}
h1{font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere;margin:1rem 0 .25rem}
h2{font-size:1.25rem;margin:2rem 0 .25rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1rem 0 0}
p,li{max-width:46rem;overflow-wrap:anywhere}
.hint,footer{color:var(--quiet)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:20px 24px;margin:1rem 0}
figure{margin:0;min-width:0}
figcaption{font-weight:600;overflow-wrap:anywhere}
figure svg{width:100%;height:auto}
.wide{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{border:1px solid var(--line);padding:.25rem .5rem;text-align:right;vertical-align:top}
tbody th{text-align:left;font-weight:400;white-space:nowrap}
thead th{background:var(--head);font-weight:600}
td{overflow-wrap:anywhere;min-width:6rem}
th:first-child{text-align:left}
summary{cursor:pointer;color:var(--link);padding:.25rem 0}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
@media(max-width:480px){tbody th{white-space:normal;min-width:7rem}}
@media print{.hint{break-after:avoid}body{font-size:11pt}.wide{overflow:visible}table{font-size:8pt}summary{display:none}figure,tr{break-inside:avoid}h2{break-after:avoid}.charts{grid-template-columns:1fr 1fr}}
`;
