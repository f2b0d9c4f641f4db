//! Every English text that people read, in one place. Nothing here relies on the order of words
//! in a template: a sentence is one string or one function.

mod ad_lists;
mod ads;
mod api;
mod compare;
mod evidence;
mod frame;
mod judging;
mod pages;
mod signals;

pub(crate) use ad_lists::*;
pub(crate) use ads::*;
pub(crate) use api::*;
pub(crate) use compare::*;
pub(crate) use evidence::*;
pub(crate) use frame::*;
pub(crate) use judging::*;
pub(crate) use pages::*;
pub(crate) use signals::*;

use crate::figures::Metric;
use crate::format;
use crate::period::{Preset, Unit};
use crate::query::Failure;
use crate::tables::{Dimension, Panel};

pub(crate) const BAD_REQUEST: &str = "This address can’t be right";
pub(crate) const UNAUTHORIZED: &str = "A key is needed";
pub(crate) const UNAUTHORIZED_TEXT: &str = "Send “Authorization: Bearer ffk_…” with a key that may read figures of this site: footfall key add --scope stats";
pub(crate) const FORBIDDEN: &str = "Not allowed";
pub(crate) const NOT_FOUND: &str = "There is no such page";
pub(crate) const NOT_FOUND_TEXT: &str = "The address is misspelt, or the site is not registered here. The list of sites has all there are.";
pub(crate) const WRONG_HOST: &str = "Not under this name";
pub(crate) const WRONG_HOST_TEXT: &str = "Without a sign-in this dashboard answers only on this machine, at localhost or 127.0.0.1. To serve it under another name, set dashboard.require_login = true in the configuration.";
pub(crate) const TOO_MANY: &str = "Too many attempts";
pub(crate) const UNAVAILABLE: &str = "These numbers can’t be read right now";
pub(crate) const UNAVAILABLE_TEXT: &str = "The warehouse does not answer. Nothing is lost: events are still accepted and kept in the log.";
pub(crate) const CROSS_SITE: &str = "The form was sent from another website, or is older than your sign-in. Open the page again and repeat it.";
pub(crate) const ALL_SITES: &str = "All sites";

pub(crate) const DIRECT: &str = "Direct or unknown";
pub(crate) const UNKNOWN: &str = "(unknown)";

pub(crate) fn too_many(seconds: u32) -> String {
    format!("There were too many attempts to sign in from your address. Try again in {seconds} s.")
}

/// The label of one of the six figures.
pub(crate) const fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::Visitors => "Visitors",
        Metric::Visits => "Visits",
        Metric::Pageviews => "Page views",
        Metric::ViewsPerVisit => "Views per visit",
        Metric::BounceRate => "Bounce rate",
        Metric::Duration => "Visit duration",
    }
}

/// What the figure means, in a sentence.
pub(crate) const fn metric_meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Visitors => "Distinct visitors per UTC day, summed",
        Metric::Visits => {
            "Activities of one visitor with no gap over 30 minutes; counted when they began"
        }
        Metric::Pageviews => "Page views, counted at their own time",
        Metric::ViewsPerVisit => "Page views in visits, divided by visits",
        Metric::BounceRate => "Share of visits with one page view and no search or action",
        Metric::Duration => "From first to last activity, on average",
    }
}

pub(crate) const fn preset(preset: Preset) -> &'static str {
    match preset {
        Preset::Today => "Today",
        Preset::Yesterday => "Yesterday",
        Preset::Days(7) => "Last 7 days",
        Preset::Days(28) => "Last 28 days",
        Preset::Days(30) => "Last 30 days",
        Preset::Days(_) => "Last 91 days",
        Preset::Month => "Month to date",
        Preset::LastMonth => "Last month",
        Preset::Year => "Year to date",
        Preset::Months12 => "Last 12 months",
        Preset::All => "All time",
        Preset::Custom(..) => "Custom range",
    }
}

/// The key that chooses the preset.
pub(crate) const fn preset_key(preset: Preset) -> &'static str {
    match preset {
        Preset::Today => "D",
        Preset::Yesterday => "E",
        Preset::Days(7) => "W",
        Preset::Days(28) => "F",
        Preset::Days(30) => "T",
        Preset::Days(_) => "N",
        Preset::Month => "M",
        Preset::LastMonth => "P",
        Preset::Year => "Y",
        Preset::Months12 => "L",
        Preset::All => "A",
        Preset::Custom(..) => "C",
    }
}

pub(crate) const fn units(unit: Unit) -> &'static str {
    match unit {
        Unit::Hour => "Hours",
        Unit::Day => "Days",
        Unit::Week => "Weeks",
        Unit::Month => "Months",
    }
}

pub(crate) const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Hour => "Hour",
        Unit::Day => "Day",
        Unit::Week => "Week of",
        Unit::Month => "Month",
    }
}

pub(crate) const fn panel(panel: Panel) -> &'static str {
    match panel {
        Panel::Pages => "Pages",
        Panel::Sources => "Sources",
        Panel::Locations => "Locations",
        Panel::Devices => "Devices",
        Panel::Searches => "Searches",
        Panel::Actions => "Actions",
    }
}

/// What a panel says when the period has nothing for it.
pub(crate) const fn panel_empty(panel: Panel) -> &'static str {
    match panel {
        Panel::Pages => "Pages appear with the first visit.",
        Panel::Sources => "Where visitors come from: search, links, campaigns, AI assistants.",
        Panel::Locations => {
            "Countries, regions and cities of visitors, looked up when an event arrives; addresses are not kept."
        }
        Panel::Devices => "Kinds of device, browsers and systems.",
        Panel::Searches => {
            "What people search for on your site. Send it with footfall(\"search\", {query, results})."
        }
        Panel::Actions => {
            "What people do: orders, sign-ups, downloads. Send them with footfall(\"action\", {name})."
        }
    }
}

pub(crate) const fn tab(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Page | Dimension::Query => "Top",
        Dimension::Entry => "Entry",
        Dimension::Exit => "Exit",
        Dimension::Source => "Referrers",
        Dimension::Channel => "Channels",
        Dimension::Campaign => "Campaigns",
        Dimension::Country => "Countries",
        Dimension::Region => "Regions",
        Dimension::City => "Cities",
        Dimension::Language => "Languages",
        Dimension::Device => "Size",
        Dimension::Browser => "Browser",
        Dimension::System => "System",
        Dimension::Screen => "Screen",
        Dimension::QueryWithoutResult => "No result",
        Dimension::Action => "All",
    }
}

/// The head of the column of names.
pub(crate) const fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Page => "Page",
        Dimension::Entry => "Entry page",
        Dimension::Exit => "Exit page",
        Dimension::Source => "Source",
        Dimension::Channel => "Channel",
        Dimension::Campaign => "Campaign",
        Dimension::Country => "Country",
        Dimension::Region => "Region",
        Dimension::City => "City",
        Dimension::Language => "Language",
        Dimension::Device => "Size",
        Dimension::Browser => "Browser",
        Dimension::System => "System",
        Dimension::Screen => "Screen width",
        Dimension::Query | Dimension::QueryWithoutResult => "Query",
        Dimension::Action => "Name",
    }
}

/// "All 214 pages".
pub(crate) fn all_of(dimension: Dimension, rows: u64) -> String {
    let (one, many) = match dimension {
        Dimension::Page => ("page", "pages"),
        Dimension::Entry => ("entry page", "entry pages"),
        Dimension::Exit => ("exit page", "exit pages"),
        Dimension::Source => ("source", "sources"),
        Dimension::Channel => ("channel", "channels"),
        Dimension::Campaign => ("campaign", "campaigns"),
        Dimension::Country => ("country", "countries"),
        Dimension::Region => ("region", "regions"),
        Dimension::City => ("city", "cities"),
        Dimension::Language => ("language", "languages"),
        Dimension::Device => ("size", "sizes"),
        Dimension::Browser => ("browser", "browsers"),
        Dimension::System => ("system", "systems"),
        Dimension::Screen => ("width", "widths"),
        Dimension::Query => ("query", "queries"),
        Dimension::QueryWithoutResult => ("query without result", "queries without result"),
        Dimension::Action => ("action", "actions"),
    };
    all(rows, one, many)
}

/// How many rows there are: "All 214 pages", "1 page".
fn all(rows: u64, one: &str, many: &str) -> String {
    match rows {
        1 => format!("1 {one}"),
        _ => format!("All {} {many}", format::count(rows.cast_signed())),
    }
}

pub(crate) fn device(word: &str) -> &str {
    match word {
        "desktop" => "Desktop",
        "mobile" => "Mobile",
        "tablet" => "Tablet",
        "television" => "Television",
        "unknown" => UNKNOWN,
        other => other,
    }
}

pub(crate) fn screen(word: &str) -> &str {
    match word {
        "xs" => "under 576 px",
        "sm" => "576 to 767 px",
        "md" => "768 to 991 px",
        "lg" => "992 to 1199 px",
        "xl" => "1200 to 1599 px",
        "xxl" => "1600 px and more",
        other => other,
    }
}

/// Why page views were left out: "3,402 declared bots".
pub(crate) fn left_out(reason: &str, pageviews: i64) -> String {
    let count = format::count(pageviews);
    match reason {
        "bot_agent" => format!("{count} from declared bots"),
        other => format!("{count} for {other}"),
    }
}

pub(crate) fn failure(failure: Failure, seconds_max: u32) -> String {
    match failure {
        Failure::TooSlow => format!(
            "This took longer than {seconds_max} seconds and was given up. A shorter period is quicker."
        ),
        Failure::Away => "Not available while the warehouse is away.".into(),
        Failure::Broken => "The warehouse could not answer this. The server’s log says why.".into(),
    }
}

/// The note when the warehouse does not answer.
pub(crate) fn delayed_since(clock: &str) -> String {
    format!("Figures are delayed: the warehouse has not answered since {clock}.")
}

pub(crate) const DELAYED: &str = "Figures are delayed: the warehouse does not answer.";

/// The note when loading is behind.
pub(crate) fn behind(clock: &str) -> String {
    format!("Figures are delayed: they go up to {clock}.")
}

pub(crate) fn nothing_lost(waiting: Option<u64>) -> String {
    let so_far =
        waiting.map_or(String::new(), |n| format!(", {} so far", format::count(n.cast_signed())));
    format!(
        "Nothing is lost: events are still accepted and kept in the log{so_far}. They are loaded as soon as it answers."
    )
}

pub(crate) fn catching_up(waiting: Option<u64>) -> String {
    match waiting {
        Some(n) => format!(
            "Nothing is lost: {} events wait in the log and are being loaded.",
            format::count(n.cast_signed())
        ),
        None => "Nothing is lost: the rest waits in the log and is being loaded.".into(),
    }
}
