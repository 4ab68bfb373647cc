"""How a page looks: as GitHub shows Markdown, light and dark, on a phone and on paper."""

STYLE = """
:root{--paper:#fff;--ink:#1f2328;--faint:#59636e;--line:#d1d9e0;--shade:#f6f8fa;--link:#0969da}
@media(prefers-color-scheme:dark){
:root{--paper:#0d1117;--ink:#f0f6fc;--faint:#9198a1;--line:#3d444d;--shade:#151b23;--link:#4493f8}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 -apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;
overflow-wrap:break-word}
.page{max-width:960px;margin:0 auto;padding:24px 32px 64px}
main{min-width:0}
h1,h2,h3,h4{line-height:1.25;margin:24px 0 16px;font-weight:600}
h1{font-size:2em;margin-top:0}h2{font-size:1.5em}h3{font-size:1.25em}
h1,h2{border-bottom:1px solid var(--line);padding-bottom:.3em}
p,ul,ol,pre,blockquote,.table{margin:0 0 16px}
li+li{margin-top:4px}
a{color:var(--link)}
code{font:85% ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--shade);
border-radius:6px;padding:.2em .4em}
pre{background:var(--shade);border-radius:6px;padding:16px;overflow:auto}
pre code{background:none;padding:0;overflow-wrap:normal}
blockquote{border-left:4px solid var(--line);color:var(--faint);padding:0 1em}
blockquote>:last-child{margin-bottom:0}
.table{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th,td{border:1px solid var(--line);padding:6px 12px;text-align:left;white-space:nowrap}
th{white-space:normal;overflow-wrap:normal;min-width:5em}
td{max-width:32em}
th.right,td.right{text-align:right}th.center,td.center{text-align:center}
tbody tr:nth-child(2n){background:var(--shade)}
.picture{display:block;overflow-x:auto}
.picture img{display:block;width:100%;max-width:760px;min-width:560px;height:auto;margin:0 auto;border-radius:6px}
nav{font-size:14px}
nav ul{list-style:none;margin:0 0 16px;padding:0;display:flex;flex-wrap:wrap;gap:4px 16px}
nav li+li{margin-top:0}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
@media(min-width:1240px){
.page{max-width:1200px;display:grid;grid-template-columns:180px minmax(0,1fr);gap:40px}
nav{position:sticky;top:24px;align-self:start}nav ul{display:block}nav li+li{margin-top:8px}}
@media(max-width:600px){.page{padding:16px 16px 48px}h1{font-size:1.6em}}
@media print{
:root{--paper:#fff;--ink:#000;--faint:#444;--line:#bbb;--shade:#f6f8fa;--link:#000}
nav{display:none}.page{display:block;max-width:none;padding:0}
table{font-size:8pt}th,td{padding:2px 5px;white-space:normal}.table,.picture,pre{overflow:visible}th{min-width:0}
pre{white-space:pre-wrap}.picture img{min-width:0;max-width:100%}
.picture,tr,pre{break-inside:avoid}h1,h2,h3{break-after:avoid}}
"""
