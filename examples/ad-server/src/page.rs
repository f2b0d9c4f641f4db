//! The page.

use crate::footfall::Shown;

/// A page with ads in order.
pub(crate) fn page(query: &str, shown: &[Shown], link: impl Fn(&Shown) -> String) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Trail Market</title>\
         <meta name=\"referrer\" content=\"origin\">\
         <style>body{font:1rem/1.5 system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}\
         aside a{display:block;border:1px solid #ccc;border-radius:.5rem;padding:.75rem;\
         margin:.5rem 0}</style><h1>Trail Market</h1><form><label>Search \
         <input name=\"q\" value=\"",
    );
    out.push_str(&escaped(query));
    out.push_str("\"></label> <button>Go</button></form><aside aria-label=\"Advertisements\">");
    for ad in shown {
        out.push_str(&format!(
            "<a rel=\"sponsored\" data-ad=\"{0}\" href=\"{1}\">Advertisement: {0}</a>",
            escaped(&ad.ad),
            escaped(&link(ad)),
        ));
    }
    out.push_str("</aside></html>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
