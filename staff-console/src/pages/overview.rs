//! The overview: what needs a person, what waits, how it goes, and who works.

use std::borrow::Borrow;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::reconcile::FindingKind;
use store::{JobRow, Overview, Traffic, TrafficPoint, WorkerStanding};

use super::page;
use crate::Console;
use crate::frame::Frame;
use crate::session::SignedIn;
use crate::words::{self, records, states};

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    it: Overview,
    needs: Vec<Need>,
    hour: Chart,
    day: Chart,
}

/// Something that needs a person, and where to look at it.
#[derive(Debug)]
struct Need {
    name: String,
    action: String,
    count: String,
    address: String,
}

/// A chart of what ended: bars in boxes of the chart's own units.
#[derive(Debug)]
struct Chart {
    id: &'static str,
    /// How long a time it shows, in minutes.
    minutes: u64,
    bars: Vec<Bar>,
    succeeded: u64,
    failed: u64,
    /// In hundredths of a percent.
    ratio: Option<String>,
    is_floor: bool,
}

/// One stretch of time.
#[derive(Debug)]
struct Bar {
    x: u64,
    good_y: u64,
    good_height: u64,
    bad_y: u64,
    bad_height: u64,
    label: String,
}

/// The height of a chart, in its own units.
const HEIGHT: u64 = 100;
/// The width of a bar with its gap, in its own units.
const STEP: u64 = 10;

impl Chart {
    fn of(id: &'static str, minutes: u64, traffic: &Traffic) -> Chart {
        let ended = |point: &TrafficPoint| point.succeeded.saturating_add(point.failed);
        let most = traffic.points.iter().map(ended).max().unwrap_or(0).max(1);
        let scale = |count: u64| count.saturating_mul(HEIGHT).div_ceil(most);
        let bars = traffic.points.iter().zip(0_u64..).map(|(point, index)| {
            let good_height = scale(point.succeeded);
            let bad_height = scale(point.failed).min(HEIGHT.saturating_sub(good_height));
            let good_y = HEIGHT.saturating_sub(good_height);
            let time = crate::format::time(point.at_ms);
            Bar {
                x: index.saturating_mul(STEP),
                good_y,
                good_height,
                bad_y: good_y.saturating_sub(bad_height),
                bad_height,
                label: format!("{time}: ✓ {} ✗ {}", point.succeeded, point.failed),
            }
        });
        Chart {
            id,
            minutes,
            bars: bars.collect(),
            succeeded: traffic.total.succeeded,
            failed: traffic.total.failed,
            ratio: traffic.total.success_per_100_000().map(percent),
            is_floor: traffic.is_floor,
        }
    }

    /// How many jobs ended per minute, with one digit behind the point.
    fn per_minute(&self) -> String {
        let ended = self.succeeded.saturating_add(self.failed);
        let tenths = ended.saturating_mul(10).checked_div(self.minutes).unwrap_or(0);
        let (whole, tenth) = (tenths.checked_div(10), tenths.checked_rem(10));
        format!("{}.{}", whole.unwrap_or(0), tenth.unwrap_or(0))
    }

    fn width(&self) -> u64 {
        u64::try_from(self.bars.len()).unwrap_or(0).saturating_mul(STEP)
    }
}

/// Of a hundred thousand, as percent with two digits.
fn percent(of_100_000: u64) -> String {
    let whole = of_100_000.checked_div(1_000).unwrap_or(0);
    let rest = of_100_000.checked_rem(1_000).unwrap_or(0).checked_div(10).unwrap_or(0);
    format!("{whole}.{rest:02}%")
}

impl OverviewPage {
    fn in_query(&self, text: &str) -> String {
        crate::format::in_query(text)
    }

    /// For how long a job could have run, in milliseconds.
    fn waited(&self, job: &JobRow) -> i64 {
        self.it.now_ms.saturating_sub(job.runnable_since)
    }

    fn standing(&self, standing: impl Borrow<WorkerStanding>) -> (&'static str, &'static str) {
        let (text, mood) = match standing.borrow() {
            WorkerStanding::Alive => (words::WORKER_ALIVE, states::Mood::Good),
            WorkerStanding::Stopping => (words::WORKER_STOPPING, states::Mood::Warn),
            WorkerStanding::Lost => (words::WORKER_LOST, states::Mood::Bad),
        };
        (self.frame.t(text), mood.class())
    }
}

/// What keeps payments from going on at all. Only masters are told of merchants and workers, and only they can do something about it.
fn held(frame: &Frame, overview: &Overview) -> Vec<Need> {
    let mut needs = Vec::new();
    let need = |name: String, action: api::Text, address: &str| Need {
        name,
        action: frame.t(action).to_owned(),
        count: "!".to_owned(),
        address: address.to_owned(),
    };
    for merchant in &overview.merchants {
        for (scope, reason) in &merchant.pauses {
            let name =
                format!("{} · {} · {scope} · {reason}", frame.t(words::PAUSED), merchant.merchant);
            needs.push(need(name, words::PAUSED_ACTION, "/console/holds"));
        }
        if merchant.is_breaker_open {
            let name = format!(
                "{} {} · {}",
                frame.t(words::BREAKER),
                frame.t(words::BREAKER_OPEN),
                merchant.merchant
            );
            needs.push(need(name, words::BREAKER_ACTION, "/console/holds"));
        }
    }
    let is_alive = |worker: &store::WorkerRow| worker.standing() == WorkerStanding::Alive;
    if !overview.merchants.is_empty() && !overview.workers.iter().any(is_alive) {
        let name = frame.t(words::WORKERS).to_owned();
        needs.push(need(name, words::NO_WORKERS, "/console/workers"));
    }
    needs
}

fn needs(frame: &Frame, overview: &Overview) -> Vec<Need> {
    let people = &overview.people;
    let told = |word: &str| match states::reason(word) {
        Some(meaning) => (frame.t(meaning.name).to_owned(), frame.t(meaning.action).to_owned()),
        None => (word.to_owned(), String::new()),
    };
    let mut needs = held(frame, overview);
    for (reason, count) in &people.parked {
        let (name, action) = told(reason);
        let name = format!("{} · {name}", frame.t(words::PARKED_JOBS));
        let address = "/console/jobs?set=parked".to_owned();
        needs.push(Need { name, action, count: frame.count(count), address });
    }
    for (reason, count) in &people.in_review {
        let (name, action) = told(reason);
        let name = format!("{} · {name}", frame.t(words::IN_REVIEW));
        let reason = crate::format::in_query(reason);
        let address = format!("/console/orders?review={reason}");
        needs.push(Need { name, action, count: frame.count(count), address });
    }
    for (word, count) in &people.findings {
        let meaning = FindingKind::from_word(word).map(records::finding);
        let kind = meaning.map_or(word.as_str(), |meaning| frame.t(meaning.name));
        let action = meaning.map_or(words::FINDINGS_ACTION, |meaning| meaning.action);
        needs.push(Need {
            name: format!("{} · {kind}", frame.t(words::FINDINGS)),
            action: frame.t(action).to_owned(),
            count: frame.count(count),
            address: format!("/console/findings?kind={}", crate::format::in_query(word)),
        });
    }
    needs
}

/// `GET /console`
pub(crate) async fn show(State(console): State<Console>, by: SignedIn) -> Response {
    let frame = by.frame(&console);
    let it = match console.store.read_overview(&by.member.member().scope()).await {
        Ok(overview) => overview,
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let (needs, hour, day) =
        (needs(&frame, &it), Chart::of("hour", 60, &it.hour), Chart::of("day", 24 * 60, &it.day));
    page(StatusCode::OK, &by.asked, &OverviewPage { frame, it, needs, hour, day })
}
