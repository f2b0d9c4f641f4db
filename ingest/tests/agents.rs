//! Who is told from people by the user agent: all known crawlers, and no browser.
//!
//! The crawlers are the instances that the npm package crawler-user-agents lists (installed with the
//! other tools); without the package there is nothing to test.

use footfall_ingest::Agents;

const LIST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../.tools/npm/node_modules/crawler-user-agents/crawler-user-agents.json"
);

#[test]
fn nearly_all_known_crawlers_are_recognised() {
    let text = match std::fs::read_to_string(LIST) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("skipped: the list of crawlers is not installed ({error})");
            return;
        }
    };
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let instances: Vec<_> = list
        .iter()
        .filter_map(|crawler| crawler["instances"].as_array())
        .flatten()
        .filter_map(|instance| instance.as_str())
        .collect();
    assert!(instances.len() > 1_000, "{} instances", instances.len());
    let agents = Agents::default();
    let missed: Vec<_> = instances.iter().filter(|agent| agents.of(agent).bot.is_empty()).collect();
    let share = 1.0 - missed.len() as f64 / instances.len() as f64;
    println!("{:.2} % of {} crawlers recognised", 100.0 * share, instances.len());
    assert!(share >= 0.995, "{} of {} missed: {missed:#?}", missed.len(), instances.len());
}
