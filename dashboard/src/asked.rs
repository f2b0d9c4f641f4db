//! What a request asks of a site, and how it is answered: to people by pages, to programs by `.json`
//! and `.csv`.

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::Dashboard;
use crate::error::Problem;
use crate::query::Runner;
use crate::site::Subject;

/// The query of an address, as it stands there.
pub(crate) type Pairs = Query<Vec<(String, String)>>;

/// What is asked of a site.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) site: &'a str,
    /// `.json` or `.csv`; empty for a page.
    pub(crate) extension: &'static str,
    pub(crate) pairs: &'a [(String, String)],
    pub(crate) request: &'a Parts,
}

impl Asked<'_> {
    /// The site, and what to show of it.
    pub(crate) async fn subject(
        &self,
        app: &Dashboard,
        runner: &Runner<'_>,
    ) -> Result<Subject, Problem> {
        Subject::resolve(app, runner, self.site, self.pairs).await
    }

    /// How many rows are answered at once: those of one page, or as many as an export may have.
    pub(crate) fn rows_max(&self, app: &Dashboard, of_page: u32) -> u32 {
        if self.extension.is_empty() { of_page } else { app.settings.export_rows_max.max(1) }
    }
}

/// The answer, or the problem as people or programs read it.
pub(crate) fn said(result: Result<Response, Problem>, extension: &str) -> Response {
    match result {
        Ok(response) => response,
        Err(problem) if extension.is_empty() => problem.into_response(),
        Err(problem) => problem.json(),
    }
}

/// `example.com.json` → `example.com`, `.json`.
pub(crate) fn split_extension(name: &str) -> (&str, &'static str) {
    for extension in [".json", ".csv"] {
        if let Some(stem) = name.strip_suffix(extension) {
            return (stem, extension);
        }
    }
    (name, "")
}
