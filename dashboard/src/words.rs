//! Every English text that people read, in one place. Nothing here relies on the order of words
//! in a template: a sentence is one string or one function.

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
    let noun = match dimension {
        Dimension::Page => "pages",
        Dimension::Entry => "entry pages",
        Dimension::Exit => "exit pages",
        Dimension::Source => "sources",
        Dimension::Channel => "channels",
        Dimension::Campaign => "campaigns",
        Dimension::Country => "countries",
        Dimension::Region => "regions",
        Dimension::City => "cities",
        Dimension::Language => "languages",
        Dimension::Device => "sizes",
        Dimension::Browser => "browsers",
        Dimension::System => "systems",
        Dimension::Screen => "widths",
        Dimension::Query => "queries",
        Dimension::QueryWithoutResult => "queries without result",
        Dimension::Action => "actions",
    };
    format!("All {} {noun}", format::count(rows.cast_signed()))
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

use crate::frame::Theme;

pub(crate) const SKIP: &str = "Skip to content";
pub(crate) const ADD_SITE: &str = "Add a site";
pub(crate) const SECTIONS: &str = "Sections";
pub(crate) const OVERVIEW: &str = "Overview";
pub(crate) const SETUP: &str = "Set-up";
pub(crate) const ACCOUNT: &str = "Account and theme";
pub(crate) const THEME: &str = "Theme";
pub(crate) const THEMES: &[(Theme, &str)] =
    &[(Theme::System, "As the system"), (Theme::Light, "Light"), (Theme::Dark, "Dark")];
pub(crate) const SIGN_OUT: &str = "Sign out everywhere";

pub(crate) fn site_picker(site: &str) -> String {
    format!("Site: {site}. Choose another")
}

pub(crate) const KEY_FOR_ANOTHER_SITE: &str = "This key is for another site.";
pub(crate) const SIGN_IN: &str = "Sign in";
pub(crate) const NAME: &str = "Name";
pub(crate) const PASSWORD: &str = "Password";
pub(crate) const NEW_PASSWORD: &str = "New password";
pub(crate) const CHOOSE_PASSWORD: &str = "Choose a password";
pub(crate) const FORGOTTEN: &str =
    "Forgotten? “footfall user link” on the server prints a new link.";
pub(crate) const ONE_COOKIE: &str = "One cookie, for signing in; nothing else.";
pub(crate) const WRONG_PASSWORD: &str = "Name or password is not right.";
pub(crate) const CAPS_LOCK: &str = "Check for caps lock.";
pub(crate) const PASSWORD_SHORT: &str = "At least 10 characters.";
pub(crate) const PASSWORD_LONG: &str = "At most 1,024 bytes.";
pub(crate) const PASSWORD_KEEP: &str = "Leave it empty to keep the one you have.";
pub(crate) const NOT_ENCRYPTED: &str = "This connection is not encrypted: anybody on the way can read the password. Put https in front of the dashboard.";
pub(crate) const LINK_USED: &str = "This link can’t be used";
pub(crate) const LINK_USED_TEXT: &str = "It was used before, is older than a day, or was replaced. “footfall user link” on the server prints a new one.";
pub(crate) const CATALOG_AWAY: &str =
    "The change could not be stored: the log does not take it now. Try again in a moment.";

pub(crate) const CHART_NOTHING: &str = "There is nothing to draw. The table below has every value.";
pub(crate) const UNCHANGED: &str = "unchanged";
pub(crate) const SHOW_TABLE: &str = "Show as a table";
pub(crate) const CHANGE: &str = "Change";
pub(crate) const UNIT_OF_CHART: &str = "Unit of the chart";

pub(crate) fn chart_title(metric: Metric, of: Unit, days: &str) -> String {
    let by = match of {
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
    };
    format!("{} by {by}, {days}", self::metric(metric))
}

pub(crate) fn chart_summary(least: &str, most: &str, when: &str) -> String {
    format!("Between {least} and {most}, peak at {when}. The table below has every value.")
}

/// Legend of the bucket that is not over.
pub(crate) fn unfinished(unit: Unit, clock: &str) -> String {
    match unit {
        Unit::Hour => format!("This hour, until {clock}"),
        Unit::Day => format!("Today, until {clock}"),
        Unit::Week => format!("This week, until today {clock}"),
        Unit::Month => format!("This month, until today {clock}"),
    }
}

pub(crate) fn until(name: &str, clock: &str) -> String {
    format!("{name}, until {clock}")
}

/// Legend of the comparison.
pub(crate) fn compared(days: &str) -> String {
    format!("Compared with {days}")
}

pub(crate) fn from(value: &str) -> String {
    format!("from {value}")
}

pub(crate) fn points(value: f64) -> String {
    format!("{value:.1} pts")
}

pub(crate) const fn direction(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

pub(crate) const ENGAGED: &str = "Engaged";
pub(crate) const VISITORS: &str = "Visitors";
pub(crate) const SHARE: &str = "Share";
pub(crate) const SEARCHES: &str = "Searches";
pub(crate) const NO_RESULT: &str = "No result";
pub(crate) const OF_ALL: &str = "Of its searches";
pub(crate) const TOTAL: &str = "Total";
pub(crate) const RATE: &str = "Rate";
pub(crate) const INTERVAL: &str = "95% interval";
pub(crate) const VALUE: &str = "Value";
pub(crate) const MAP_TITLE: &str = "Visitors by country; the table beside the map has the numbers";
pub(crate) const COUNTING: &str = "Counting";
pub(crate) const NET: &str = "Net";
pub(crate) const NET_TITLE: &str = "Invalid traffic left out";
pub(crate) const GROSS: &str = "Gross";
pub(crate) const GROSS_TITLE: &str = "Everything, bots included";
pub(crate) const COMPARE_WITH: &str = "Compare with ";
pub(crate) const VS_PREVIOUS: &str = "vs previous";
pub(crate) const VS_YEAR: &str = "vs last year";
pub(crate) const VS_NOTHING: &str = "no comparison";
pub(crate) const PREVIOUS_PERIOD: &str = "Previous period";
pub(crate) const YEAR_BEFORE: &str = "Same period last year";
pub(crate) const NO_COMPARISON: &str = "No comparison";
pub(crate) const EARLIER: &str = "Earlier";
pub(crate) const LATER: &str = "Later";
pub(crate) const LATER_NONE: &str = "Later: nothing after today";
pub(crate) const EARLIER_NONE: &str = "Earlier: nothing before it";
pub(crate) const PERIOD: &str = "Period: ";
pub(crate) const CUSTOM_FROM: &str = "From";
pub(crate) const CUSTOM_TO: &str = "To, included";
pub(crate) const APPLY: &str = "Apply";
pub(crate) const CUSTOM_RANGE: &str = "Custom range";
pub(crate) const ON_SITE: &str = "on the site now";
pub(crate) const LOOK_AGAIN: &str = "Look again";
pub(crate) const STATS: &str = "Visitors and visits";
pub(crate) const NO_VISITS: &str = "No visits yet";
pub(crate) const NO_VISITS_HERE: &str = "No visits in this period";
pub(crate) const FINISH_SETUP: &str = "Finish the set-up";
pub(crate) const SEE_ALL_TIME: &str = "Look at all time";
pub(crate) const TRY_AGAIN: &str = "Try again";
pub(crate) const FOR_OPERATORS: &str = "For whoever runs the server";
pub(crate) const OPERATORS_TEXT: &str = "The server’s log has the technical text. “footfall doctor” checks engine, log and configuration and says what to do.";

pub(crate) fn visitors_of(country: &str, count: &str) -> String {
    format!("{country}: {count} visitors")
}

pub(crate) fn legend_end(count: &str) -> String {
    format!("{count} visitors")
}

pub(crate) fn no_visits(site: &str) -> String {
    format!("Once the script is on the pages of {site}, visits show here within two seconds.")
}

pub(crate) fn no_visits_here(site: &str, days: &str) -> String {
    format!("Nothing was counted on {site} from {days}.")
}

pub(crate) fn tried_for(seconds: u32) -> String {
    format!(
        "Tried for {seconds} seconds. Nothing is lost: what happens meanwhile is kept in the log."
    )
}

/// Sentence under the chart about what net counts leave out (or gross counts hold).
pub(crate) fn left_out_sentence(gross: bool) -> (&'static str, &'static str) {
    if gross {
        ("Gross counts hold", "page views judged invalid:")
    } else {
        ("Net counts leave out", "page views judged invalid:")
    }
}

pub(crate) fn title_overview(site: &str) -> String {
    format!("Overview of {site}")
}

pub(crate) fn printed(site: &str, days: &str, gross: bool, zone: &str) -> String {
    let counting = if gross { "gross" } else { "net" };
    format!("{site}, {days}, {counting} counts, {zone}. Printed from Footfall.")
}

pub(crate) fn data_up_to(moment: &str, behind: &str) -> String {
    format!("Data up to {moment}, {behind} behind")
}

pub(crate) fn last_event(moment: &str) -> String {
    format!("Last event received {moment}")
}

pub(crate) fn times_in(zone: &str) -> String {
    format!("Times in {zone}")
}

pub(crate) fn rules(version: u32) -> String {
    format!("Rules v{version}")
}

pub(crate) const MIDNIGHT: &str = "Over several days, visitors are the sum of daily visitors";

pub(crate) const PAGE_BEFORE: &str = "Previous";
pub(crate) const PAGE_AFTER: &str = "Next";

pub(crate) fn title_table(of: Panel, site: &str) -> String {
    format!("{} of {site}", panel(of))
}

pub(crate) fn rows_shown(first: u64, last: u64, total: u64) -> String {
    let count = |n: u64| format::count(n.cast_signed());
    format!("{}–{} of {}", count(first), count(last), count(total))
}

pub(crate) const SITES: &str = "Sites";
pub(crate) const SITES_VISITORS: &str = "Visitors";
pub(crate) const SITES_FOOT: &str = "Net visitors; each site’s days are those of its own time zone";
pub(crate) const SITE: &str = "Site";
pub(crate) const LAST_WEEK: &str = "Last 7 days";
pub(crate) const YESTERDAY: &str = "Yesterday";
pub(crate) const TODAY: &str = "Today";
pub(crate) const SETUP_FIRST: &str = "Add a site";
pub(crate) const DONE: &str = "Done";
pub(crate) const SITE_ADDED: &str = "Site added";
pub(crate) const ADD_A_SITE: &str = "Say which site, on the server";
pub(crate) const ADD_WHILE_RUNNING: &str =
    "Works while Footfall runs. The time zone is that of the site’s days.";
pub(crate) const COMMAND: &str = "Command to run";
pub(crate) const PASTE_THIS: &str = "Paste this into every page, inside";
pub(crate) const SCRIPT_TO_PASTE: &str = "Script to paste";
pub(crate) const SCRIPT_FACTS: &str = "Under 1.5 KB, no cookie, loads after the page";
pub(crate) const OPEN_A_PAGE: &str = "Open a page of your site";
pub(crate) const FIRST_EVENT: &str = "The first event has arrived";
pub(crate) const OPEN_OVERVIEW: &str = "Open the overview";
pub(crate) const WAITING: &str = "Waiting for the first event";
pub(crate) const LOOK_NOW: &str = "Look now";
pub(crate) const NOTHING_ARRIVES: &str = "Nothing arrives?";
pub(crate) const HELP_SOURCE: &str =
    "Is the script in the page? Look for footfall.js in the page’s source.";
pub(crate) const HELP_BLOCKER: &str =
    "An ad blocker may stop it in your own browser. Try another one, or ask the server yourself:";
pub(crate) const NO_SITE_AT_HAND: &str = "No site at hand?";
pub(crate) const LOOK_AT_DEMO: &str = "Browse the demo";
pub(crate) const OR_SIMULATE: &str = ", or send made-up traffic:";
pub(crate) const YOUR_HOST: &str = "https://stats.example.com";

pub(crate) fn setup_title(site: &str) -> String {
    format!("Set up {site}")
}

pub(crate) fn site_facts(site: &str, zone: &str, days: Option<u32>, ignores: bool) -> String {
    let kept = days
        .map_or("events kept for ever".to_owned(), |days| format!("events kept for {days} days"));
    let signals = if ignores { "opt-out signals not honoured" } else { "opt-out signals honoured" };
    format!("{site}, times in {zone}, {kept}, {signals}.")
}

pub(crate) fn waiting_text(site: &str) -> String {
    format!(
        "Nothing from {site} in the last five minutes. With JavaScript this page looks again by itself."
    )
}

pub(crate) fn help_csp(host: &str) -> String {
    format!("A content security policy must allow {host} in script-src and connect-src.")
}
