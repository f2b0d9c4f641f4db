//! `GET /api/v1/ads/ranking?placement=&query=&n=`.
//!
//! A request draws from a model that is at hand; the model is computed in the background when it is
//! asked for and older than a second, so that a request never waits for it but the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use footfall_event::Topic;
use footfall_event::ads::normalised_query;
use footfall_event::catalog::Catalog;
use footfall_topics::catalog::CatalogView;
use footfall_topics::follow::Followed;
use footfall_topics::{Log, LogError};
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::searches::Searches;
use super::{Model, Performance, Ranked, SiteAds};
use crate::App;
use crate::auth::guard;
use crate::error::Problem;
use crate::format::path_segment;
use crate::query::now_ms;
use crate::words as w;

/// A model is good for so long.
const FRESH: Duration = Duration::from_secs(1);
/// An older one is not used any more: nobody asked for it in between.
const STALE: Duration = Duration::from_secs(10);
/// Placements whose models are kept.
const MODELS_MAX: usize = 10_000;
const ADS_DEFAULT: usize = 10;
const ADS_MAX: usize = 1_000;
const QUERY_BYTES_MAX: usize = 512;
const RETRY: Duration = Duration::from_secs(2);

/// What rankings are made from, and the models that are at hand.
pub(crate) struct Rankings {
    catalog: CatalogView,
    performance: OnceLock<Followed<Performance>>,
    searches: Arc<Searches>,
    /// The catalogue's ads by site, with the catalogue they were taken from.
    ads: ArcSwapOption<(Arc<Catalog>, SiteAds)>,
    models: Mutex<HashMap<String, Slot>>,
}

struct Slot {
    model: Arc<Model>,
    built_at: Instant,
    building: bool,
}

impl Drop for Rankings {
    fn drop(&mut self) {
        self.searches.end();
    }
}

impl Rankings {
    /// Begins to follow the topics, on threads of its own.
    pub(crate) fn follow(
        log: Arc<dyn Log>,
        catalog: CatalogView,
    ) -> std::io::Result<Arc<Rankings>> {
        let rankings = Arc::new(Rankings {
            catalog,
            performance: OnceLock::new(),
            searches: Arc::default(),
            ads: ArcSwapOption::empty(),
            models: Mutex::default(),
        });
        let (weak, of_performance) = (Arc::downgrade(&rankings), log.clone());
        std::thread::Builder::new()
            .name("ranking".to_owned())
            .spawn(move || follow_performance(&weak, &of_performance))?;
        let searches = rankings.searches.clone();
        std::thread::Builder::new().name("searches".to_owned()).spawn(move || {
            while let Err(error) = searches.follow(log.as_ref()) {
                if matches!(error, LogError::Closed) {
                    return;
                }
                tracing::error!(%error, "search-windows can't be followed; trying again");
                std::thread::sleep(RETRY);
            }
        })?;
        Ok(rankings)
    }

    /// The model of a placement.
    async fn model(self: &Arc<Self>, site: &str, placement: &str) -> Result<Arc<Model>, Problem> {
        if self.performance.get().is_none() {
            return Err(Problem::Unavailable("ad-performance is still being read".to_owned()));
        }
        let mut renew = false;
        let at_hand = {
            let mut models = self.lock();
            models.get_mut(placement).filter(|slot| slot.built_at.elapsed() < STALE).map(|slot| {
                renew = slot.built_at.elapsed() >= FRESH && !slot.building;
                slot.building |= renew;
                slot.model.clone()
            })
        };
        let (rankings, site, name) = (self.clone(), site.to_owned(), placement.to_owned());
        let build = move || rankings.build(&site, name);
        match at_hand {
            Some(model) => {
                if renew {
                    tokio::task::spawn_blocking(build);
                }
                Ok(model)
            }
            None => tokio::task::spawn_blocking(build)
                .await
                .map_err(|error| Problem::Unavailable(error.to_string())),
        }
    }

    fn build(&self, site: &str, placement: String) -> Arc<Model> {
        let catalog = self.catalog.load();
        let ads = match self.ads.load_full() {
            Some(known) if Arc::ptr_eq(&known.0, &catalog) => known,
            _ => {
                let ads = Arc::new((catalog.clone(), SiteAds::of(&catalog)));
                self.ads.store(Some(ads.clone()));
                ads
            }
        };
        let performance = self.performance.get().map(Followed::load).unwrap_or_default();
        let place = (site, placement.as_str());
        let model = Arc::new(Model::build(&catalog, &ads.1, &performance, place, now_ms()));
        let slot = Slot { model: model.clone(), built_at: Instant::now(), building: false };
        let mut models = self.lock();
        if models.len() >= MODELS_MAX {
            models.retain(|_, slot| slot.built_at.elapsed() < STALE);
        }
        if models.len() < MODELS_MAX {
            models.insert(placement, slot);
        }
        model
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Slot>> {
        self.models.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn follow_performance(rankings: &Weak<Rankings>, log: &Arc<dyn Log>) {
    loop {
        let followed = Followed::<Performance>::follow(log, Topic::AdPerformance);
        let Some(rankings) = rankings.upgrade() else { return };
        match followed {
            Ok(followed) => return drop(rankings.performance.set(followed)),
            Err(LogError::Closed) => return,
            Err(error) => tracing::error!(%error, "ad-performance can't be followed; trying again"),
        }
        drop(rankings);
        std::thread::sleep(RETRY);
    }
}

/// What may be asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    placement: Option<String>,
    query: Option<String>,
    n: Option<String>,
}

/// What is answered.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    placement: &'a str,
    site: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    query: &'a str,
    ads: Vec<AdLine<'a>>,
    positions: Vec<PositionLine>,
}

#[derive(Debug, Serialize)]
struct AdLine<'a> {
    ad: &'a str,
    campaign: &'a str,
    destination: &'a str,
    click: String,
    score: f64,
    expected_ctr: f64,
    interval: [f64; 2],
    recent_impressions: f64,
    recent_clicks: f64,
    by_query: bool,
}

#[derive(Debug, Serialize)]
struct PositionLine {
    position: u16,
    examination: f64,
}

/// The handler.
pub(crate) async fn ranking(
    State(app): State<App>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let began = Instant::now();
    let response = match question {
        Ok(Query(question)) => answer(&app, &question, &headers).await,
        Err(error) => Err(Problem::BadRequest(error.body_text())),
    };
    ::metrics::histogram!("footfall_ranking_duration_seconds")
        .record(began.elapsed().as_secs_f64());
    response.unwrap_or_else(|problem| problem.json())
}

async fn answer(app: &App, question: &Question, headers: &HeaderMap) -> Result<Response, Problem> {
    let reader = guard::reader(app, headers)?;
    let missing = || Problem::BadRequest(w::RANKING_PLACEMENT.into());
    let placement = question.placement.as_deref().filter(|p| !p.is_empty()).ok_or_else(missing)?;
    let n = match question.n.as_deref().unwrap_or_default() {
        "" => ADS_DEFAULT,
        text => text
            .parse()
            .ok()
            .filter(|n| (1..=ADS_MAX).contains(n))
            .ok_or_else(|| Problem::BadRequest(w::RANKING_N.into()))?,
    };
    let query = question.query.as_deref().unwrap_or_default();
    if query.len() > QUERY_BYTES_MAX {
        return Err(Problem::BadRequest(w::RANKING_QUERY.into()));
    }
    let query = normalised_query(query);
    let known = app.catalog.load().placements.get(placement).cloned();
    // A key for other sites doesn't learn which placements there are.
    let place = known.filter(|place| !place.removed && reader.may_see(&place.site));
    let place = place.ok_or(Problem::NotFound)?;
    let model = app.rankings.model(&place.site, placement).await?;
    let search = app.rankings.searches.of(&place.site, &query);
    let ranked = model.rank(search.as_deref(), n, now_ms(), &mut rand::rng());
    let ads = ranked.iter().map(|it| line(it, &app.settings.base_url, placement, &query));
    let answer = Answer {
        placement,
        site: &place.site,
        query: &query,
        ads: ads.collect(),
        positions: model
            .examination()
            .iter()
            .filter(|(position, _)| *position > 0)
            .map(|(position, examination)| PositionLine { position, examination })
            .collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(answer)).into_response())
}

fn line<'a>(ranked: &'a Ranked, base: &str, placement: &str, query: &str) -> AdLine<'a> {
    let mut click = format!(
        "{}/c/{}?placement={}",
        base.trim_end_matches('/'),
        path_segment(&ranked.ad.id),
        path_segment(placement)
    );
    if !query.is_empty() {
        click.push_str("&query=");
        click.push_str(&path_segment(query));
    }
    let (low, high) = ranked.belief.interval();
    AdLine {
        ad: &ranked.ad.id,
        campaign: &ranked.campaign.id,
        destination: &ranked.ad.destination,
        click,
        score: ranked.score,
        expected_ctr: ranked.belief.mean(),
        interval: [low, high],
        recent_impressions: ranked.recent.0,
        recent_clicks: ranked.recent.1,
        by_query: ranked.by_search,
    }
}
