//! The rules of invalid traffic of a running process: the catalogue's, and those of the file that the
//! operator names, which is followed while it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use footfall_aggregator::RuleLibrary;
use footfall_aggregator::library::{AdoptError, adopt, adopt_built_in};
use footfall_dashboard::Status;
use footfall_topics::catalog::CatalogView;
use tokio_util::sync::CancellationToken;

use super::rulebook::Book;
use crate::config::Config;

/// How often a file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Puts the file's rules in force, or the built-in ones where nobody has named others, and follows
/// the file from now on.
///
/// # Errors
/// When the file can't be read, makes no sense, or has the version of other rules.
pub(crate) async fn start(
    config: &Config,
    view: &CatalogView,
    stop: CancellationToken,
) -> Result<Arc<RuleLibrary>> {
    let library = Arc::new(RuleLibrary::new(view.clone()));
    let (file, view) = (config.rules.clone(), view.clone());
    let Some(file) = file else {
        match tokio::task::spawn_blocking(move || adopt_built_in(&view)).await? {
            // This program's rules differ from those that had their number before: these stay.
            Err(error @ AdoptError::Taken { .. }) => tracing::warn!(%error, "the rules stay"),
            outcome => drop(outcome?),
        }
        return Ok(library);
    };
    let seen = look(&file);
    let (of_start, view_of_start) = (file.clone(), view.clone());
    tokio::task::spawn_blocking(move || take(&of_start, &view_of_start)).await??;
    tokio::task::spawn_blocking(move || follow(&file, seen, &view, &stop));
    Ok(library)
}

/// What tells a changed file from the one before.
type Seen = Option<(SystemTime, u64)>;

fn look(file: &Path) -> Seen {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn take(file: &PathBuf, view: &CatalogView) -> Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the rules {} can't be read", file.display()))?;
    let by = format!("file {}", file.display());
    let changed = adopt(view, &text, &by).with_context(|| format!("in {}", file.display()))?;
    if changed {
        tracing::info!(file = %file.display(), "other rules are in force");
    }
    Ok(())
}

fn follow(file: &PathBuf, mut seen: Seen, view: &CatalogView, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        std::thread::sleep(LOOK_EVERY);
        let now = look(file);
        if now == seen {
            continue;
        }
        match take(file, view) {
            Ok(()) => seen = now,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the rules stay as they are");
                // It may work the next time if the log is away; what makes no sense has to change first.
                let away = matches!(error.downcast_ref(), Some(AdoptError::Change(_)));
                seen = if away { seen } else { now };
            }
        }
    }
}

/// Tells the dashboard which rules are in force, from now on, and which were.
pub(crate) fn explain(status: &Status, view: &CatalogView) {
    status.set_rules(Arc::new(Book(RuleLibrary::new(view.clone()))));
}
