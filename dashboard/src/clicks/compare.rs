//! Two versions of the rules side by side: `/sites/{site}/rules`, also `.json` and `.csv`. The one is
//! what is in force, the other what `footfall replay` stored. Nothing is counted by it.
//!
//! # Layout
//!
//! - `load`: statements beside the rows they fill, and their sums. `page`, `export`: what is answered.

mod export;
pub(crate) mod load;
mod page;

use axum::response::Response;

use self::load::{Sides, Version, changes, moves, versions};
use super::choice::Filter;
use super::load::Summary;
use crate::App;
use crate::ads::choice::Choice;
use crate::ads::names;
use crate::asked::Asked;
use crate::error::Problem;
use crate::site::unavailable;
use crate::view::wrong;

/// `GET /sites/{site}/rules`, also `.json` and `.csv`.
pub(crate) async fn answer(app: &App, asked: Asked<'_>) -> Result<Response, Problem> {
    let Asked { extension, pairs, request, .. } = asked;
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    let choice = Choice::parse(subject.view.clone(), pairs)?;
    let tried = versions(&runner, &subject.site.domain, &subject.period).await;
    let tried = tried.map_err(unavailable)?;
    let chosen = chosen(pairs, &tried)?;
    let Some(version) = chosen else {
        return match extension {
            "" => Ok(page::nothing(app, &subject, &choice, request)),
            _ => Err(Problem::NotFound),
        };
    };
    let terms = app.status.terms(&choice.view.site, &choice.campaign);
    let others = app.status.terms_of(version, &choice.view.site, &choice.campaign);
    let tried_terms = others.as_ref().unwrap_or(&terms);
    let period = &subject.period;
    let sides = Sides { choice: &choice, period, in_force: &terms, tried: tried_terms, version };
    let limit = asked.rows_max(app, page::ROWS);
    let offset = (choice.view.page - 1).saturating_mul(limit);
    let (moves, changes, all) = tokio::join!(
        moves(&runner, sides),
        changes(&runner, sides, (limit, offset)),
        Summary::load(&runner, &choice, &subject.period, &terms),
    );
    let read = match (moves, changes, all) {
        (Ok(moves), Ok(changes), Ok(all)) => (moves, changes, all.clicks(Filter::ALL)),
        (Err(failure), ..) | (_, Err(failure), _) | (.., Err(failure)) => {
            return match extension {
                "" => Ok(page::failed(app, &subject, &choice, failure, request)),
                _ => Err(unavailable(failure)),
            };
        }
    };
    let (moves, changes, all) = read;
    let compared = Compared { version, tried, moves, changes, all };
    match extension {
        ".csv" => Ok(export::csv(&subject, &compared)),
        ".json" => Ok(export::json(&subject, &compared)),
        _ => {
            let names = names(app, &subject);
            Ok(page::render(app, &subject, &choice, &names, &compared, request))
        }
    }
}

/// What was compared.
struct Compared {
    version: u32,
    tried: Vec<Version>,
    moves: load::Moves,
    changes: Vec<load::Changed>,
    /// Clicks of the period.
    all: i64,
}

/// The version that the address names, else the newest; `None` when none was tried.
fn chosen(pairs: &[(String, String)], tried: &[Version]) -> Result<Option<u32>, Problem> {
    let named = pairs.iter().rev().find(|(name, _)| name == "version");
    let Some((_, text)) = named else { return Ok(tried.first().map(|it| it.version)) };
    let found = text.parse().ok().filter(|wanted| tried.iter().any(|it| it.version == *wanted));
    found.map(Some).ok_or_else(|| {
        let known: Vec<_> = tried.iter().map(|it| it.version.to_string()).collect();
        match known.is_empty() {
            true => wrong("version", text, "none: no rules were tried in this period"),
            false => wrong("version", text, &known.join(", ")),
        }
    })
}

/// The address of the comparison.
pub(crate) fn href(choice: &Choice, version: Option<u32>, extension: &str) -> String {
    let site = crate::format::path_segment(&choice.view.site);
    let mut query = choice.subject_only().query(true);
    if let Some(version) = version {
        query.push_str(if query.is_empty() { "?" } else { "&" });
        query.push_str(&format!("version={version}"));
    }
    format!("/sites/{site}/rules{extension}{query}")
}
