//! Rules that every page must satisfy.

use scraper::{Html, Selector};

fn select(css: &str) -> Selector {
    Selector::parse(css).expect("a selector")
}

/// All violations on a page.
pub fn problems(html: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let mut wrong: Vec<String> = page.errors.iter().map(|e| format!("not valid HTML: {e}")).collect();
    let count = |css: &str| page.select(&select(css)).count();
    let mut expect = |right: bool, what: &str| {
        if !right {
            wrong.push(what.to_owned());
        }
    };
    expect(html.starts_with("<!DOCTYPE html>"), "no doctype");
    expect(count("html[lang=da], html[lang=en]") == 1, "no language");
    expect(page.select(&select("title")).next().is_some_and(|t| t.text().collect::<String>().trim().len() > 5), "no title");
    expect(count("h1") == 1, "not exactly one h1");
    expect(count("main#main") == 1, "no main to skip to");
    expect(count("a.skipnav[href='#main']") == 1, "no skip link");
    expect(count("form[data-send] input:not([type=hidden])") == 0, "a form that goes elsewhere takes input");
    expect(count("style, [style]") == 0, "inline style");
    expect(count("script:not([src])") == 0, "inline script");
    for element in page.select(&select("*")) {
        for (name, value) in element.value().attrs() {
            if name.starts_with("on") || value.trim_start().to_lowercase().starts_with("javascript:") {
                wrong.push(format!("a handler in {name}"));
            }
            let elsewhere = value.starts_with("http") || value.starts_with("//");
            // Exception: a page with a signed message to a provider sends it there.
            let message = name == "action" && element.value().attr("data-send").is_some();
            if ["src", "action"].contains(&name) && elsewhere && !message {
                wrong.push(format!("{name} leads to another host: {value}"));
            }
        }
    }
    for input in page.select(&select("input:not([type=hidden]):not([aria-hidden])")) {
        let labelled = input.attr("id").is_some_and(|id| count(&format!("label[for='{id}']")) == 1);
        if !labelled {
            wrong.push(format!("an input without a label: {}", input.html()));
        }
        if input.attr("type") == Some("password") && input.attr("value").is_some() {
            wrong.push("a password field with a value".to_owned());
        }
    }
    for link in page.select(&select("a[href^='#']")) {
        let id = &link.attr("href").expect("selected by it")[1..];
        if count(&format!("[id='{id}']")) != 1 {
            wrong.push(format!("a link to #{id}, which is not there"));
        }
    }
    let mut ids: Vec<_> = page.select(&select("[id]")).filter_map(|e| e.attr("id")).collect();
    ids.sort_unstable();
    wrong.extend(ids.windows(2).filter(|w| w[0] == w[1]).map(|w| format!("id {} twice", w[0])));
    wrong
}

/// Visible text of the page's main part, blanks folded.
pub fn main_text(html: &str) -> String {
    let page = Html::parse_document(html);
    let text: String = page.select(&select("main")).flat_map(|main| main.text()).collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An attribute of the first element that the selector finds.
pub fn attribute(html: &str, css: &str, name: &str) -> Option<String> {
    Html::parse_document(html).select(&select(css)).next().and_then(|e| e.attr(name).map(str::to_owned))
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let bad = "<html><head><title>x</title><style>a{}</style></head><body><h1>a</h1><h1>b</h1><p onclick=x style=y>\
        <input name=a><input type=password value=x id=a><a href='#no'>x</a><script>1</script><div id=a></div></body></html>";
    let found = problems(bad).join("\n");
    for what in [
        "doctype",
        "language",
        "title",
        "one h1",
        "main",
        "skip",
        "inline style",
        "inline script",
        "handler",
        "label",
        "with a value",
        "#no",
        "id a twice",
    ] {
        assert!(found.contains(what), "{what} in {found}");
    }
}
