//! Who visits: countries with their networks, languages and time zones; devices with their browsers
//! and screens; and the bots that say what they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::dice::Dice;

/// A country's share of the visitors (per thousand or so) and what its visitors have in common.
#[derive(Clone, Copy)]
struct Country {
    /// First address and prefix length of networks of its providers.
    networks: &'static [(&'static str, u8)],
    languages: &'static [(u32, &'static str)],
    timezones: &'static [&'static str],
}

macro_rules! country {
    ($weight:literal, $networks:expr, $languages:expr, $timezones:expr) => {
        ($weight, Country { networks: &$networks, languages: &$languages, timezones: &$timezones })
    };
}

const COUNTRIES: &[(u32, Country)] = &[
    country!(
        260,
        [("73.0.0.0", 8), ("24.0.0.0", 12), ("98.192.0.0", 10), ("2601::", 24)],
        [(9, "en-US"), (1, "es-US")],
        ["America/New_York", "America/Chicago", "America/Los_Angeles", "America/Denver"]
    ),
    country!(
        120,
        [("84.128.0.0", 10), ("91.0.0.0", 10), ("2003:c0::", 26)],
        [(9, "de-DE"), (1, "en-US")],
        ["Europe/Berlin"]
    ),
    country!(90, [("86.128.0.0", 10), ("81.128.0.0", 11)], [(1, "en-GB")], ["Europe/London"]),
    country!(
        60,
        [("90.0.0.0", 9), ("2a01:cb00::", 26)],
        [(9, "fr-FR"), (1, "en-GB")],
        ["Europe/Paris"]
    ),
    country!(
        60,
        [("49.32.0.0", 12), ("2409:4000::", 24)],
        [(3, "en-IN"), (1, "hi-IN")],
        ["Asia/Kolkata"]
    ),
    country!(50, [("126.0.0.0", 9)], [(1, "ja-JP")], ["Asia/Tokyo"]),
    country!(45, [("177.32.0.0", 12), ("189.0.0.0", 12)], [(1, "pt-BR")], ["America/Sao_Paulo"]),
    country!(40, [("70.24.0.0", 13)], [(4, "en-CA"), (1, "fr-CA")], ["America/Toronto"]),
    country!(35, [("83.32.0.0", 11)], [(1, "es-ES")], ["Europe/Madrid"]),
    country!(35, [("79.0.0.0", 11)], [(1, "it-IT")], ["Europe/Rome"]),
    country!(30, [("84.24.0.0", 13)], [(3, "nl-NL"), (1, "en-GB")], ["Europe/Amsterdam"]),
    country!(30, [("1.120.0.0", 13)], [(1, "en-AU")], ["Australia/Sydney", "Australia/Perth"]),
    country!(25, [("83.0.0.0", 11)], [(1, "pl-PL")], ["Europe/Warsaw"]),
    country!(25, [("175.192.0.0", 10)], [(1, "ko-KR")], ["Asia/Seoul"]),
    country!(20, [("90.224.0.0", 12)], [(3, "sv-SE"), (1, "en-GB")], ["Europe/Stockholm"]),
    country!(20, [("85.0.0.0", 13)], [(3, "de-CH"), (1, "fr-CH")], ["Europe/Zurich"]),
    country!(15, [("80.108.0.0", 14)], [(1, "de-AT")], ["Europe/Vienna"]),
    country!(20, [("189.128.0.0", 10)], [(1, "es-MX")], ["America/Mexico_City"]),
    country!(15, [("78.160.0.0", 11)], [(1, "tr-TR")], ["Europe/Istanbul"]),
    country!(15, [("36.64.0.0", 11)], [(1, "id-ID")], ["Asia/Jakarta"]),
    country!(10, [("105.224.0.0", 12)], [(1, "en-ZA")], ["Africa/Johannesburg"]),
    country!(10, [("181.0.0.0", 11)], [(1, "es-AR")], ["America/Argentina/Buenos_Aires"]),
];

/// A kind of device: its browsers and its screens.
#[derive(Clone, Copy)]
struct Device {
    agents: &'static [(u32, &'static str)],
    screens: &'static [(u32, &'static str)],
}

const DEVICES: &[(u32, Device)] = &[
    (
        40,
        Device {
            agents: &[
                (
                    34,
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                ),
                (
                    8,
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                ),
                (
                    14,
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                ),
                (
                    9,
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
                ),
                (
                    12,
                    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                ),
                (
                    14,
                    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
                ),
                (4, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
                (
                    3,
                    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                ),
                (
                    2,
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0",
                ),
            ],
            screens: &[
                (40, "1920x1080"),
                (15, "1536x864"),
                (12, "1440x900"),
                (12, "2560x1440"),
                (10, "1366x768"),
                (6, "1728x1117"),
                (3, "3840x2160"),
                (2, "1280x720"),
            ],
        },
    ),
    (
        55,
        Device {
            agents: &[
                (
                    40,
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
                ),
                (
                    8,
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
                ),
                (
                    38,
                    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                ),
                (
                    9,
                    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                ),
                (3, "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"),
                (
                    2,
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1",
                ),
            ],
            screens: &[
                (30, "390x844"),
                (20, "412x915"),
                (18, "360x800"),
                (15, "393x852"),
                (10, "430x932"),
                (7, "375x667"),
            ],
        },
    ),
    (
        5,
        Device {
            agents: &[
                (
                    6,
                    "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
                ),
                (
                    4,
                    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                ),
            ],
            screens: &[(5, "820x1180"), (3, "768x1024"), (2, "800x1280")],
        },
    ),
];

/// Bots that say what they are, and a network from which they come.
const BOTS: &[(u32, (&str, &str, u8))] = &[
    (
        40,
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "66.249.64.0",
            20,
        ),
    ),
    (
        20,
        (
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "40.77.167.0",
            24,
        ),
    ),
    (
        15,
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "51.222.253.0", 24),
    ),
    (
        15,
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "20.171.206.0",
            24,
        ),
    ),
    (5, ("curl/8.14.1", "65.21.0.0", 16)),
    (5, ("python-requests/2.32.5", "3.208.0.0", 12)),
];

/// Somebody, or a bot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub(super) ip: IpAddr,
    pub(super) user_agent: &'static str,
    /// Empty for bots.
    pub(super) language: &'static str,
    pub(super) screen: &'static str,
    pub(super) timezone: &'static str,
    pub(super) is_bot: bool,
}

/// The share of visits that bots make.
const BOT_SHARE: f64 = 0.04;

impl Person {
    /// The person of a seed.
    pub(super) fn new(seed: u64) -> Person {
        let mut dice = Dice::new(seed);
        if dice.chance(BOT_SHARE) {
            let (user_agent, network, prefix) = dice.weighted(BOTS);
            let ip = address(&mut dice, network, prefix);
            return Person { ip, user_agent, language: "", screen: "", timezone: "", is_bot: true };
        }
        let country = dice.weighted(COUNTRIES);
        let (network, prefix) = dice.one_of(country.networks);
        let device = dice.weighted(DEVICES);
        Person {
            ip: address(&mut dice, network, prefix),
            user_agent: dice.weighted(device.agents),
            language: dice.weighted(country.languages),
            screen: dice.weighted(device.screens),
            timezone: dice.one_of(country.timezones),
            is_bot: false,
        }
    }
}

/// Some address of a network.
fn address(dice: &mut Dice, network: &str, prefix: u8) -> IpAddr {
    match network.parse().expect("the tables hold addresses") {
        IpAddr::V4(base) => {
            let random = (dice.roll() >> 32) as u32 & (u32::MAX >> prefix);
            IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() | random))
        }
        IpAddr::V6(base) => {
            let random =
                (u128::from(dice.roll()) << 64 | u128::from(dice.roll())) & (u128::MAX >> prefix);
            IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() | random))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_a_person_and_the_mix_is_realistic() {
        let people: Vec<Person> = (0..20_000).map(Person::new).collect();
        let again = Person::new(7);
        assert_eq!((people[7].ip, people[7].user_agent), (again.ip, again.user_agent));
        let share = |count: usize| count as f64 / people.len() as f64;
        let bots = share(people.iter().filter(|person| person.is_bot).count());
        assert!((0.03..0.05).contains(&bots), "{bots}");
        let phones =
            share(people.iter().filter(|person| person.user_agent.contains("Mobile")).count());
        assert!((0.4..0.7).contains(&phones), "{phones}");
        let v6 = share(people.iter().filter(|person| person.ip.is_ipv6()).count());
        assert!((0.05..0.4).contains(&v6), "{v6}");
        let distinct: std::collections::HashSet<_> =
            people.iter().map(|person| person.ip).collect();
        assert!(distinct.len() > 19_000, "{}", distinct.len());
    }

    #[test]
    fn networks_are_public_and_no_wider_than_their_address() {
        let tables = COUNTRIES.iter().flat_map(|(_, country)| country.networks.iter().copied());
        for (network, prefix) in tables.chain(BOTS.iter().map(|(_, bot)| (bot.1, bot.2))) {
            match network.parse::<IpAddr>().unwrap() {
                IpAddr::V4(base) => {
                    assert_eq!(base.to_bits() & (u32::MAX >> prefix), 0, "{network}/{prefix}");
                    assert!(!base.is_private() && !base.is_loopback() && !base.is_link_local());
                }
                IpAddr::V6(base) => {
                    assert_eq!(base.to_bits() & (u128::MAX >> prefix), 0, "{network}/{prefix}");
                }
            }
        }
    }
}
