//! The overview as a page: everything the template writes down.

use askama::Template;
use axum::response::Response;
use http::request::Parts;

use super::{Overview, Subject, delay_note, foot, frame};
use crate::App;
use crate::chart::{self, Change, Chart};
use crate::figures::{Figures, Metric};
use crate::frame::{Frame, Theme};
use crate::period::{Compare, Preset, Unit};
use crate::query::Failure;
use crate::tables::Panel;
use crate::tables::panel::{Body, PanelView, Tab, panel};
use crate::view::View;
use crate::{format, words as w};

#[derive(Template)]
#[template(path = "site/site.html")]
struct SitePage {
    frame: Frame,
    /// Address of the small look, on a page whose figures still grow.
    live: Option<String>,
    version: i64,
    printed: String,
    now: Option<i64>,
    again: String,
    tools: Tools,
    note: Option<(String, String, bool)>,
    stats: Vec<Stat>,
    chart: Option<Chart>,
    units: Vec<Tab>,
    /// Heading, text, and links instead of a chart.
    state: Option<State>,
    left_out: Option<LeftOut>,
    panels: Vec<PanelView>,
    foot: Vec<String>,
}

/// Controls beside the heading; the long tables have them too.
pub(crate) struct Tools {
    pub(crate) counting: Vec<Tab>,
    pub(crate) compare: Option<&'static str>,
    pub(crate) comparisons: Vec<Tab>,
    pub(crate) period: String,
    /// Groups of presets with their keys.
    pub(crate) presets: Vec<Vec<(Tab, &'static str)>>,
    pub(crate) earlier: Option<String>,
    pub(crate) later: Option<String>,
    /// Where the form of a custom range goes, its dates, and what it must keep.
    pub(crate) action: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kept: Vec<(String, String)>,
}

struct Stat {
    label: &'static str,
    meaning: &'static str,
    href: String,
    current: bool,
    value: String,
    change: Option<Change>,
}

struct State {
    failed: bool,
    title: &'static str,
    text: String,
    links: Vec<(String, &'static str)>,
}

struct LeftOut {
    before: &'static str,
    count: String,
    after: &'static str,
    reasons: String,
}

/// Writes the page.
pub(super) fn render(
    app: &App,
    subject: &Subject,
    overview: Overview,
    request: &Parts,
) -> Response {
    let Subject { view, period, unit, .. } = subject;
    let Overview { figures, panels, look } = overview;
    let visitors = figures.as_ref().map_or(0, |figures| figures.current.visitors);
    let away = figures.as_ref().is_err_and(|failure| *failure == Failure::Away);
    let units = Unit::ALL.into_iter().filter(|unit| unit.fits(period.days())).map(|other| Tab {
        label: w::units(other),
        href: view.with(|view| view.unit = Some(other)).href(),
        current: other == *unit,
    });
    let seconds_max = app.queries.seconds_max;
    let days = format::days(&period.current);
    let state = state(subject, &figures, seconds_max);
    let judged_by = look.as_ref().ok().filter(|look| look.rules > 0);
    let judged_by = judged_by.map(|look| w::rules(look.rules)).unwrap_or_default();
    let mut foot = foot(app, subject, look.as_ref().map_err(|_| ()), judged_by);
    if period.days() > 1 {
        foot.push(w::MIDNIGHT.into());
    }
    let page = SitePage {
        frame: frame(app, request, w::title_overview(&view.site), Some(view), false),
        live: period
            .is_live()
            .then(|| format!("/sites/{}/now.json", format::path_segment(&view.site))),
        version: look.as_ref().map_or(0, |look| look.version),
        printed: w::printed(&view.site, &days, view.gross, subject.zone_name()),
        now: look.as_ref().ok().map(|look| look.now),
        again: view.with(|view| view.refresh = Some(10)).href(),
        tools: Tools::of(subject, View::href),
        note: delay_note(app, period, away),
        stats: stats(view, figures.as_ref().ok()),
        chart: match &figures {
            Ok(figures) if state.is_none() => {
                Some(chart::draw(figures, period, *unit, view.metric))
            }
            _ => None,
        },
        units: units.collect(),
        state,
        left_out: figures.as_ref().ok().and_then(|figures| left_out(view, figures)),
        panels: Panel::ALL
            .into_iter()
            .zip(panels)
            .map(|(which, rows)| panel(which, view, rows, visitors, seconds_max))
            .collect(),
        foot,
    };
    crate::frame::render(&page)
}

fn stats(view: &View, figures: Option<&Figures>) -> Vec<Stat> {
    let figures = figures.filter(|figures| !figures.is_empty());
    let stat = |metric: Metric| Stat {
        label: w::metric(metric),
        meaning: w::metric_meaning(metric),
        href: view.with(|view| view.metric = metric).href(),
        current: view.metric == metric,
        value: chart::text(figures.and_then(|figures| metric.of(&figures.current)), metric.kind()),
        change: figures.and_then(|figures| {
            let before = metric.of(figures.previous.as_ref()?);
            chart::compare(metric.kind(), metric.good(), metric.of(&figures.current), before)
        }),
    };
    Metric::ALL.map(stat).into()
}

/// What stands in the chart's place when there is none.
fn state(subject: &Subject, figures: &Result<Figures, Failure>, seconds_max: u32) -> Option<State> {
    let view = &subject.view;
    match figures {
        Err(failure) => Some(State {
            failed: true,
            title: w::UNAVAILABLE,
            text: match failure {
                Failure::Away => w::tried_for(seconds_max),
                other => w::failure(*other, seconds_max),
            },
            links: vec![(view.href(), w::TRY_AGAIN)],
        }),
        Ok(figures) if figures.is_empty() => {
            let young = view.preset.is_none();
            let setup = format!("/sites/{}/setup", format::path_segment(&view.site));
            let all = view.with(|view| view.preset = Some(Preset::All)).href();
            Some(State {
                failed: false,
                title: if young { w::NO_VISITS } else { w::NO_VISITS_HERE },
                text: match young {
                    true => w::no_visits(&view.site),
                    false => w::no_visits_here(&view.site, &format::days(&subject.period.current)),
                },
                links: vec![(setup, w::FINISH_SETUP), (all, w::SEE_ALL_TIME)],
            })
        }
        Ok(_) => None,
    }
}

fn left_out(view: &View, figures: &Figures) -> Option<LeftOut> {
    let sum: i64 = figures.left_out.iter().map(|(_, count)| count).sum();
    let (before, after) = w::left_out_sentence(view.gross);
    let reasons: Vec<_> =
        figures.left_out.iter().map(|(reason, count)| w::left_out(reason, *count)).collect();
    (sum > 0).then(|| LeftOut {
        before,
        count: format::count(sum),
        after,
        reasons: reasons.join(", "),
    })
}

impl Tools {
    /// Only the period, for lists that hold whatever was counted.
    pub(crate) fn period_only(self) -> Tools {
        Tools { counting: Vec::new(), compare: None, ..self }
    }

    /// The controls of a page whose address `href` makes.
    pub(crate) fn of(subject: &Subject, href: impl Fn(&View) -> String) -> Tools {
        let Subject { view, period, .. } = subject;
        let counting = [(false, w::NET), (true, w::GROSS)].map(|(gross, label)| Tab {
            label,
            href: href(&view.with(|view| view.gross = gross)),
            current: view.gross == gross,
        });
        let comparisons = [
            (Compare::Previous, w::PREVIOUS_PERIOD),
            (Compare::YearBefore, w::YEAR_BEFORE),
            (Compare::Off, w::NO_COMPARISON),
        ]
        .map(|(compare, label)| Tab {
            label,
            href: href(&view.with(|view| view.compare = compare)),
            current: view.compare == compare,
        });
        let groups: [&[Preset]; 3] = [
            &[Preset::Today, Preset::Yesterday],
            &[Preset::Days(7), Preset::Days(28), Preset::Days(30), Preset::Days(91)],
            &[Preset::Month, Preset::LastMonth, Preset::Year, Preset::Months12, Preset::All],
        ];
        let entry = |preset: &Preset| {
            let tab = Tab {
                label: w::preset(*preset),
                href: href(&view.with(|view| view.preset = Some(*preset))),
                current: period.preset == *preset,
            };
            (tab, w::preset_key(*preset))
        };
        let step = |direction| {
            let preset = period.step(direction)?;
            Some(href(&view.with(|view| view.preset = Some(preset))))
        };
        let here = href(view);
        let kept = href(&view.with(|view| view.preset = None));
        let kept = kept.split_once('?').map_or("", |(_, query)| query);
        let pair = |pair: &str| pair.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
        Tools {
            counting: counting.into(),
            compare: match view.compare {
                _ if period.preset == Preset::All => None,
                Compare::Previous => Some(w::VS_PREVIOUS),
                Compare::YearBefore => Some(w::VS_YEAR),
                Compare::Off => Some(w::VS_NOTHING),
            },
            comparisons: comparisons.into(),
            period: match period.preset {
                Preset::Custom(..) => format::days(&period.current),
                preset => w::preset(preset).to_owned(),
            },
            presets: groups.map(|group| group.iter().map(entry).collect()).into(),
            earlier: step(-1),
            later: step(1),
            action: here.split('?').next().unwrap_or_default().to_owned(),
            from: period.current.first.to_string(),
            to: period.current.last.to_string(),
            kept: kept.split('&').filter_map(pair).collect(),
        }
    }
}
