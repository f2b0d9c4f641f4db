//! Words of the overview, the long tables, the list of sites and the set-up.

use super::panel;
use crate::format;
use crate::tables::Panel;

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
