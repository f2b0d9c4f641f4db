//! The frame around every page: head, top bar, foot; and the plain page for everything that is
//! not an ordinary answer.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

use crate::assets::{ASSETS, Assets};
use crate::words as w;

/// The theme that somebody chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The word in the cookie and in the page.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The theme of a word; the system's for any other.
    pub(crate) fn parse(word: &str) -> Theme {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// An entry of the site picker.
pub(crate) struct SiteLink {
    pub(crate) domain: String,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// What is around a page's own content.
pub(crate) struct Frame {
    pub(crate) title: String,
    /// The site that the page is about.
    pub(crate) site: Option<String>,
    pub(crate) sites: Vec<SiteLink>,
    /// Address of the site's overview, and whether this is it.
    pub(crate) overview: Option<(String, bool)>,
    /// Address of the page of the site's ads, and whether this is about them.
    pub(crate) ads: Option<(String, bool)>,
    /// Address of the site's set-up page, and whether this is it.
    pub(crate) setup: Option<(String, bool)>,
    /// Who is signed in; `None` where nobody has to.
    pub(crate) user: Option<String>,
    pub(crate) theme: Theme,
    /// Sent with every form.
    pub(crate) token: String,
    /// The page's own address, to come back to.
    pub(crate) here: String,
    pub(crate) assets: &'static Assets,
}

impl Frame {
    /// The first letters of the user's name, for the badge.
    pub(crate) fn initials(&self) -> String {
        let name = self.user.as_deref().unwrap_or("?");
        name.chars().take(2).flat_map(char::to_uppercase).collect()
    }
}

#[derive(Template)]
#[template(path = "frame/plain.html")]
struct PlainPage<'a> {
    title: &'a str,
    text: &'a str,
    assets: &'static Assets,
}

/// A page with a heading and a sentence, for errors.
pub(crate) fn plain_page(status: StatusCode, title: &str, text: &str) -> Response {
    (status, render(&PlainPage { title, text, assets: &ASSETS })).into_response()
}

/// The response of a template.
pub(crate) fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
