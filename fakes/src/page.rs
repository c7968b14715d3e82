//! The skeleton of the fakes' plain pages: one style, no script, light and dark.

use axum::response::Html;

use crate::clock::Time;

/// Text made safe inside HTML and inside a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A whole page around `main`, which is HTML already. `note` says what this page is.
pub(crate) fn page(title: &str, note: &str, main: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\
         <header><h1>{title}</h1><p>{note}</p></header><main>{main}</main></body></html>",
        title = escape(title),
        note = escape(note),
    ))
}

/// A moment for people, with the full one for machines.
pub(crate) fn time(at: Time) -> String {
    format!(
        "<time datetime=\"{at}\">{}</time>",
        at.format("%-d %b %H:%M:%S")
    )
}

/// A table with a caption; cells are HTML already.
pub(crate) fn table(caption: &str, heads: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    let heads: String = heads
        .iter()
        .map(|head| format!("<th scope=\"col\">{}</th>", escape(head)))
        .collect();
    let body: String = match rows {
        [] => format!(
            "<tr><td class=\"quiet\" colspan=\"9\">{}</td></tr>",
            escape(empty)
        ),
        rows => rows
            .iter()
            .map(|cells| format!("<tr><td>{}</td></tr>", cells.join("</td><td>")))
            .collect(),
    };
    format!(
        "<div class=\"scroll\"><table><caption>{}</caption><thead><tr>{heads}</tr></thead>\
         <tbody>{body}</tbody></table></div>",
        escape(caption)
    )
}

/// A small coloured word: `good`, `bad` or `quiet`.
pub(crate) fn badge(kind: &str, text: &str) -> String {
    format!("<span class=\"badge {kind}\">{}</span>", escape(text))
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2430;--quiet:#5b6675;--line:#d8dee6;--paper:#f6f8fa;\
--card:#fff;--mark:#0b5cad;--good:#17633a;--good-bg:#def3e5;--bad:#98201a;--bad-bg:#fbe3e1}\
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--quiet:#a0abba;--line:#333d4b;\
--paper:#12161c;--card:#1b212a;--mark:#7ab8ff;--good:#8fdcae;--good-bg:#143323;\
--bad:#ffb0a8;--bad-bg:#43201d}}\
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);\
font:16px/1.5 system-ui,sans-serif}\
header{padding:1rem 1.5rem;border-bottom:1px solid var(--line);background:var(--card)}\
h1{font-size:1.25rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
h3{font-size:.95rem;margin:0 0 .5rem}header p{margin:.1rem 0 0;color:var(--quiet)}\
main{padding:0 1.5rem 3rem}.quiet{color:var(--quiet)}.small{font-size:.85rem}\
.board{display:flex;gap:.75rem;overflow-x:auto;padding-bottom:.5rem}\
.lane{flex:1 0 14rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem;\
padding:.75rem}.card{border-top:1px solid var(--line);padding:.6rem 0}\
.card strong,.card span{overflow-wrap:anywhere}\
form{display:flex;flex-wrap:wrap;gap:.35rem;align-items:center;margin:.35rem 0 0}\
.bar{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;\
margin-top:1rem}select,input,button{font:inherit;font-size:.85rem;color:inherit;\
background:var(--paper);border:1px solid var(--line);border-radius:.35rem;padding:.2rem .5rem;\
max-width:100%}button{cursor:pointer;border-color:var(--mark);color:var(--mark);\
font-weight:600}button.bad{border-color:var(--bad);color:var(--bad)}\
:focus-visible{outline:3px solid var(--mark);outline-offset:1px}\
label{font-size:.85rem;color:var(--quiet)}.scroll{overflow-x:auto}\
table{border-collapse:collapse;width:100%;background:var(--card);font-size:.9rem}\
caption{text-align:left;font-weight:600;padding:1.5rem 0 .4rem}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid \
var(--line);overflow-wrap:anywhere}th{color:var(--quiet);font-weight:600}\
code{font:.85em ui-monospace,monospace}.badge{border-radius:1rem;padding:.05rem .5rem;\
font-size:.8rem;font-weight:600;background:var(--line)}.badge.good{color:var(--good);\
background:var(--good-bg)}.badge.bad{color:var(--bad);background:var(--bad-bg)}\
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\
.chat{background:var(--card);border:1px solid var(--line);border-radius:.5rem;\
padding:.25rem .9rem}.chat li{padding:.5rem 0;border-top:1px solid var(--line)}\
.chat li:first-child{border-top:0}ul.chat{list-style:none;margin:0}.chat p{margin:.1rem 0;\
white-space:pre-wrap}pre{white-space:pre-wrap;margin:0}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        let text = escape("<b onclick='x'>\"&");
        assert_eq!(text, "&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;");
        let Html(html) = page("A & B", "note", "<p>x</p>");
        assert!(html.contains("<title>A &amp; B</title>"));
    }
}
