//! The frame around every page.

use maud::{DOCTYPE, Markup, html};

/// A whole page.
pub fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/style.css";
                script src="/assets/live.js" defer {}
            }
            body {
                main { (content) }
                p #connection role="status" hidden { "The connection is lost. Trying again…" }
            }
        }
    }
}

/// The place of a message about the form above it; empty if all is well. Readers of screens are told of changes.
pub fn notice(id: &str, text: Option<&str>) -> Markup {
    html! { p id=(id) .notice role="alert" { @if let Some(text) = text { (text) } } }
}
