use super::*;

fn choice(query: &str) -> Result<Choice, Problem> {
    let pairs: Vec<_> = query
        .trim_start_matches('?')
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    Choice::parse(View::parse("example.com", &pairs)?, &pairs)
}

#[test]
fn addresses_round_trip() {
    for query in [
        "",
        "?period=7d&campaign=alpine&measure=ctr&campaigns=ads&rate=same_mix",
        "?counting=gross&ad=boots-1.a_b",
    ] {
        let found = choice(query).unwrap();
        let href = found.list_href(AdPanel::Placements, ".csv");
        assert_eq!(href, format!("/sites/example.com/placements.csv{query}"));
    }
    let found = choice("period=7d").unwrap();
    assert_eq!(found.href(), "/sites/example.com/ads?period=7d");
    assert_eq!(found.campaign_href("a"), "/sites/example.com/campaigns/a?period=7d");
    assert_eq!(found.ad_href("b"), "/sites/example.com/ads/b?period=7d");
}

#[test]
fn what_is_wrong_is_said() {
    for (query, named) in [
        ("measure=luck", "viewable"),
        ("campaigns=all", "advertisers"),
        ("rate=x", "same_mix"),
        ("campaign=a/b", "letters"),
        ("ad=%00", "letters"),
    ] {
        let Err(Problem::BadRequest(text)) = choice(query) else {
            panic!("{query} was taken");
        };
        assert!(text.contains(named), "{query}: {text}");
    }
}
