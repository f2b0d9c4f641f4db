//! The made-up shop that the visitors browse: its pages by popularity, what is searched there, and
//! where visitors come from.

use super::dice::Dice;

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Product,
    Basket,
    SignUp,
}

/// A page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    /// Price in cents of a product.
    pub(super) price_cents: u32,
}

const CATEGORIES: [&str; 8] =
    ["boots", "tents", "backpacks", "jackets", "sleeping-bags", "stoves", "maps", "lamps"];
const MODELS: [&str; 14] = [
    "alpin",
    "boreal",
    "cirrus",
    "dolomit",
    "everest",
    "fjord",
    "gletscher",
    "horizon",
    "inyo",
    "jura",
    "karst",
    "larix",
    "monsun",
    "nordlicht",
];
const ARTICLES: [&str; 24] = [
    "how-to-lace-boots",
    "first-night-in-a-tent",
    "packing-for-a-week",
    "reading-the-weather",
    "ultralight-without-tears",
    "cooking-on-the-trail",
    "winter-layers",
    "water-on-the-way",
    "maps-without-a-phone",
    "hut-to-hut",
    "hiking-with-children",
    "the-right-backpack",
    "repairing-a-zip",
    "long-distance-trails",
    "autumn-in-the-alps",
    "camping-rules-by-country",
    "blisters",
    "trekking-poles",
    "a-bivouac-checklist",
    "sun-above-the-tree-line",
    "crossing-streams",
    "night-hikes",
    "washing-down",
    "leave-no-trace",
];
const OTHERS: [&str; 6] = ["about", "contact", "shipping", "returns", "stores", "imprint"];

/// The shop.
#[derive(Debug)]
pub(super) struct Pages {
    pages: Vec<Page>,
    /// Sums of the weights up to each page: popularity falls with the rank (Zipf).
    cumulated: Vec<f64>,
    pub(super) results: usize,
    pub(super) basket: usize,
    pub(super) checkout: usize,
    pub(super) thanks: usize,
    pub(super) sign_up: usize,
}

impl Pages {
    /// The shop; which product is how popular is a matter of the seed.
    pub(super) fn new(seed: u64) -> Pages {
        let mut dice = Dice::new(seed);
        let mut popular = Vec::new();
        for category in CATEGORIES {
            for model in MODELS {
                let title = format!("{} {}", capital(model), category.replace('-', " "));
                let price_cents = 1_900 + 100 * dice.below(400) as u32 + 95;
                let path = format!("/{category}/{model}");
                popular.push(Page { path, title, kind: Kind::Product, price_cents });
            }
            popular.push(plain(&format!("/{category}"), &capital(&category.replace('-', " "))));
        }
        popular.extend(
            ARTICLES
                .map(|slug| plain(&format!("/guides/{slug}"), &capital(&slug.replace('-', " ")))),
        );
        popular.extend(OTHERS.map(|slug| plain(&format!("/{slug}"), &capital(slug))));
        for i in (1..popular.len()).rev() {
            popular.swap(i, dice.below(i + 1));
        }
        let mut pages = vec![plain("/", "Outdoor shop"), plain("/guides", "Guides")];
        pages.append(&mut popular);
        let mut sum = 0.0;
        let cumulated = (1..=pages.len())
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        // Pages that nobody enters by.
        let fixed = pages.len();
        pages.push(plain("/search", "Search"));
        pages.push(Page { kind: Kind::Basket, ..plain("/basket", "Your basket") });
        pages.push(plain("/checkout", "Checkout"));
        pages.push(plain("/thanks", "Thank you"));
        pages.push(Page { kind: Kind::SignUp, ..plain("/sign-up", "Sign up") });
        Pages {
            pages,
            cumulated,
            results: fixed,
            basket: fixed + 1,
            checkout: fixed + 2,
            thanks: fixed + 3,
            sign_up: fixed + 4,
        }
    }

    /// A page by popularity.
    pub(super) fn popular(&self, dice: &mut Dice) -> usize {
        let total = self.cumulated.last().copied().unwrap_or(1.0);
        let at = dice.unit() * total;
        self.cumulated.partition_point(|&sum| sum <= at).min(self.cumulated.len() - 1)
    }

    pub(super) fn get(&self, page: usize) -> &Page {
        &self.pages[page]
    }
}

fn plain(path: &str, title: &str) -> Page {
    Page { path: path.to_owned(), title: title.to_owned(), kind: Kind::Plain, price_cents: 0 }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What is searched, and how much is found.
const QUERIES: &[(u32, (&str, u32))] = &[
    (20, ("hiking boots", 34)),
    (14, ("tent 2 person", 12)),
    (12, ("rain jacket", 27)),
    (9, ("sleeping bag winter", 8)),
    (8, ("backpack 40l", 15)),
    (7, ("gas stove", 6)),
    (6, ("head lamp", 11)),
    (5, ("wool socks", 19)),
    (5, ("boots size 47", 3)),
    (4, ("map dolomites", 2)),
    (3, ("gift card", 1)),
    (3, ("crampons", 0)),
    (2, ("kayak", 0)),
    (2, ("e-bike", 0)),
];

/// A search: the query as typed, in mixed case and sometimes mistyped (then nothing is found), and
/// the number of results.
pub(super) fn search(dice: &mut Dice) -> (String, u32) {
    let (query, results) = dice.weighted(QUERIES);
    let mut letters: Vec<char> = query.chars().collect();
    if dice.chance(0.08) {
        let at = 1 + dice.below(letters.len() - 2);
        letters.swap(at, at + 1);
        let typed: String = letters.iter().collect();
        let found = if typed == query { results } else { 0 };
        return (typed, found);
    }
    if dice.chance(0.2) {
        letters[0] = letters[0].to_ascii_uppercase();
    }
    (letters.into_iter().collect(), results)
}

/// Referrer and query of the landing page.
pub(super) const ORIGINS: &[(u32, (&str, &str))] = &[
    (380, ("", "")),
    (280, ("https://www.google.com/", "")),
    (45, ("https://www.bing.com/", "")),
    (25, ("https://duckduckgo.com/", "")),
    (10, ("https://www.ecosia.org/", "")),
    (30, ("https://www.reddit.com/", "")),
    (25, ("https://l.facebook.com/", "")),
    (20, ("https://l.instagram.com/", "")),
    (12, ("https://t.co/", "")),
    (15, ("https://www.youtube.com/", "")),
    (20, ("https://chatgpt.com/", "utm_source=chatgpt.com")),
    (6, ("https://www.perplexity.ai/", "")),
    (10, ("https://news.ycombinator.com/", "")),
    (20, ("https://trail-magazine.example/best-tents", "")),
    (35, ("", "utm_source=newsletter&utm_medium=email&utm_campaign=autumn-sale")),
    (
        35,
        (
            "https://www.google.com/",
            "utm_source=google&utm_medium=cpc&utm_campaign=boots&utm_term=hiking+boots&gclid=Cj0simulated",
        ),
    ),
    (
        20,
        (
            "https://l.facebook.com/",
            "utm_source=facebook&utm_medium=paid_social&utm_campaign=retargeting&utm_content=video-2&fbclid=IwARsimulated",
        ),
    ),
    (
        12,
        (
            "https://partner.example/deals",
            "utm_source=partner&utm_medium=affiliate&utm_campaign=deals",
        ),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularity_falls_with_the_rank() {
        let pages = Pages::new(1);
        let mut dice = Dice::new(1);
        let mut counts = vec![0u32; pages.cumulated.len()];
        for _ in 0..50_000 {
            counts[pages.popular(&mut dice)] += 1;
        }
        assert!(counts[0] > counts[1] && counts[1] > counts[10] && counts[10] > counts[100]);
        assert!(counts.iter().all(|&count| count > 0), "every page is found");
        for fixed in [pages.results, pages.basket, pages.checkout, pages.thanks, pages.sign_up] {
            assert!(fixed >= counts.len());
        }
    }

    #[test]
    fn some_searches_find_nothing() {
        let mut dice = Dice::new(3);
        let searches: Vec<_> = (0..2_000).map(|_| search(&mut dice)).collect();
        let empty = searches.iter().filter(|(_, results)| *results == 0).count();
        assert!((100..500).contains(&empty), "{empty}");
    }
}
