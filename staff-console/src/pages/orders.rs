//! Orders: the search, and one order with everything that happened to it.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::OrderId;
use domain::action::JobAction;
use domain::policy::ReviewReason;
use domain::status::CustomerStatus;
use store::orders::{Happening, OrderDetail, Timeline, TimelineEntry};
use store::{BoundedCount, JobRow, ListError, Page, PaymentOffers};

use super::{page, refused};
use crate::Console;
use crate::frame::Frame;
use crate::query::Asking;
use crate::session::SignedIn;
use crate::words::{self, actions, happenings, states};

const PATH: &str = "/console/orders";
/// Rows of a page.
const ROWS: u64 = 50;

#[derive(Debug, Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    asking: Asking,
    orders: Page<OrderDetail>,
    count: BoundedCount,
}

impl OrdersPage {
    fn status(&self, order: &OrderDetail) -> (&'static str, &'static str) {
        status(&self.frame, order)
    }
}

fn status(frame: &Frame, order: &OrderDetail) -> (&'static str, &'static str) {
    let (text, mood) = states::status(order.view().status);
    (frame.t(text), mood.class())
}

/// `GET /console/orders`
pub(crate) async fn list(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asking = Asking::of(pairs);
    let filter = asking.orders(by.member.member().scope());
    let cursor = Some(asking.get("cursor")).filter(|cursor| !cursor.is_empty());
    let (orders, count) = tokio::join!(
        console.store.list_orders(&filter, cursor, ROWS),
        console.store.count_orders(&filter)
    );
    let orders = match orders {
        Ok(page) => page,
        Err(ListError::UnknownCursor) => {
            return Redirect::to(&asking.with(PATH, "cursor", "")).into_response();
        }
        Err(ListError::Store(error)) => return super::failed(&console, &by.asked, &error),
    };
    let count = match count {
        Ok(count) => count,
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let frame = by.frame(&console);
    page(StatusCode::OK, &by.asked, &OrdersPage { frame, asking, orders, count })
}

#[derive(Debug, Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    it: Timeline,
    /// What may be done with its payment, if it has one.
    offers: Option<PaymentOffers>,
}

impl OrderPage {
    fn status(&self) -> (&'static str, &'static str) {
        status(&self.frame, &self.it.order)
    }

    fn job_state(&self, job: &JobRow) -> (&'static str, &'static str) {
        let (text, mood) = states::job_state(job.state);
        (self.frame.t(text), mood.class())
    }

    /// What happened and what can be done now, in a sentence.
    fn sentence(&self) -> &'static str {
        self.frame.t(happenings::sentence(self.it.order.view().status))
    }

    fn entry(&self, entry: &TimelineEntry) -> happenings::Told {
        happenings::told(&entry.what, &self.frame)
    }

    /// The key that Toss knows the payment by, without its middle.
    fn masked(key: &str) -> String {
        let chars: Vec<char> = key.chars().collect();
        let (head, tail) = (chars.iter().take(6), chars.iter().rev().take(4).rev());
        if chars.len() < 14 {
            return "…".to_owned();
        }
        head.chain(['…'].iter()).chain(tail).collect()
    }
}

/// `GET /console/orders/{id}`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = OrderId::parse(id) else { return refused(&console, &by, StatusCode::NOT_FOUND) };
    let read = async {
        let it = console.store.read_timeline(&id, &by.member.member().scope()).await?;
        Ok::<_, store::StoreError>((it, console.store.find_payment_offers(&id).await?))
    };
    match read.await {
        Ok((Some(it), offers)) => {
            let frame = by.frame(&console);
            page(StatusCode::OK, &by.asked, &OrderPage { frame, it, offers })
        }
        Ok((None, _)) => refused(&console, &by, StatusCode::NOT_FOUND),
        Err(error) => super::failed(&console, &by.asked, &error),
    }
}
