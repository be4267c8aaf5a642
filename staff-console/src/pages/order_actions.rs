//! What the forms of an order do: looking its payment up, cancelling it wholly or in part, closing its review.

use api::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::cancellation::Available;
use domain::id::IdSource as _;
use domain::refund_account::{BANKS, RefundAccount};
use domain::role::Action;
use domain::{OrderId, Won};
use store::idempotency::CallerKey;
use store::orders::OrderDetail;
use store::{AcceptCancel, PaymentOffers, RandomIds};

use super::job_actions::reason;
use super::{done, page, refuse, refuse_with, refused};
use crate::Console;
use crate::frame::Frame;
use crate::query::won;
use crate::session::{Fields, Posted, SignedIn};
use crate::words;
use crate::words::actions::Done;

/// The longest key of a form: a UUID has 36 characters.
const KEY_CHARS_MAX: usize = 64;

#[derive(Debug, Template)]
#[template(path = "cancel.html")]
struct CancelPage {
    frame: Frame,
    order: OrderDetail,
    left: Available,
    is_whole_only: bool,
    needs_account: bool,
    /// Of this form: what is sent twice counts once.
    key: String,
}

#[derive(Debug, Template)]
#[template(path = "cancel_check.html")]
struct CheckPage {
    frame: Frame,
    order: OrderDetail,
    amount: i64,
    rest: i64,
    /// Whether the amount is to be typed once more.
    is_typed_again: bool,
    fields: Vec<(&'static str, String)>,
    reason: String,
}

/// `GET /console/orders/{id}/cancel`
pub(crate) async fn ask_cancel(
    State(console): State<Console>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Response {
    let (order, offers) = match find(&console, &by, Action::Cancel, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let back = format!("/console/orders/{}", order.order.id);
    let left = match offers.cancel {
        Ok(left) => left,
        Err(refusal) => return refuse(&console, &by, refusal, &back),
    };
    let form = CancelPage {
        frame: by.frame(&console),
        order,
        left,
        is_whole_only: offers.is_whole_only,
        needs_account: offers.needs_refund_account,
        key: RandomIds.new_id(),
    };
    page(StatusCode::OK, &by.asked, &form)
}

/// The fields that the second page hands on.
const HANDED_ON: [&str; 7] =
    ["key", "amount", "tax-free", "reason", "bank", "account-number", "holder"];

/// `POST /console/orders/{id}/cancel`: first what will happen, then, with the field `sure`, doing it.
pub(crate) async fn cancel(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let Posted { by, fields } = &posted;
    let (order, offers) = match find(&console, by, Action::Cancel, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let order_page = format!("/console/orders/{}", order.order.id);
    let back = format!("{order_page}/cancel");
    let asked = match read_cancel(&console, by, fields, &order) {
        Ok(asked) => asked,
        Err(Wrong::Problem(problem)) => return refuse(&console, by, problem, &back),
        Err(Wrong::Field(text)) => return refuse_with(&console, by, text, &back),
    };
    let is_sure = fields.one("sure").is_some();
    let total = match (offers.cancel, is_sure) {
        (Ok(left), _) => left.total,
        // A repeat of what was accepted is told the same: see the key.
        (Err(_), true) => Won::ZERO,
        (Err(refusal), false) => return refuse(&console, by, refusal, &back),
    };
    let amount = asked.amount.unwrap_or(total).get();
    let is_typed_again = amount > console.confirm_amount_above;
    if !is_sure {
        let rest = total.get().saturating_sub(amount);
        if rest < 0 {
            return refuse_with(&console, by, words::CANCEL_TOO_MUCH, &back);
        }
        let handed = HANDED_ON.map(|name| (name, fields.one(name).unwrap_or_default().to_owned()));
        let reason = asked.reason;
        let (frame, fields) = (by.frame(&console), Vec::from(handed));
        let check = CheckPage { frame, order, amount, rest, is_typed_again, fields, reason };
        return page(StatusCode::OK, &by.asked, &check);
    }
    // What is to be given back is all that was left when they looked: the form carries it.
    let Some(seen) = fields.one("seen").and_then(won) else {
        return refuse_with(&console, by, words::FORBIDDEN_NEXT, &back);
    };
    if is_typed_again && fields.one("typed").and_then(won) != Some(seen) {
        return refuse_with(&console, by, words::CANCEL_NOT_TYPED, &back);
    }
    let asked = AcceptCancel { amount: asked.amount.or(Some(seen)), ..asked };
    match console.store.accept_cancel(&asked).await {
        Ok(accepted) => {
            if let Some(job) = accepted.job {
                console.publishing.publish(job);
            }
            done(&order_page, Done::Cancel)
        }
        Err(error) => refuse(&console, by, error, &back),
    }
}

/// What is wrong with a form.
enum Wrong {
    Problem(Problem),
    Field(api::Text),
}

fn read_cancel(
    console: &Console,
    by: &SignedIn,
    fields: &Fields,
    order: &OrderDetail,
) -> Result<AcceptCancel, Wrong> {
    let text = |name| fields.one(name).map(str::trim).filter(|text| !text.is_empty());
    let amount_of = |name: &str, wrong: api::Text| match fields.one(name).map(str::trim) {
        None | Some("") => Ok(None),
        Some(typed) => won(typed).map(Some).ok_or(Wrong::Field(wrong)),
    };
    let amount = amount_of("amount", words::NOT_AN_AMOUNT)?;
    let tax_free_amount = amount_of("tax-free", words::NOT_AN_AMOUNT)?;
    let refund_account = match (text("bank"), text("account-number"), text("holder")) {
        (None, None, None) => None,
        (bank, number, holder) => {
            let [bank, number, holder] = [bank, number, holder].map(Option::unwrap_or_default);
            let account = RefundAccount::parse(bank, number, holder);
            Some(account.map_err(|_| Wrong::Field(words::NOT_AN_ACCOUNT))?)
        }
    };
    let reason =
        api::read_reason(fields.one("reason").unwrap_or_default()).map_err(Wrong::Problem)?;
    let key = text("key").filter(|key| key.chars().count() <= KEY_CHARS_MAX);
    let key = key.ok_or(Wrong::Field(words::FORBIDDEN_NEXT))?;
    let compared: Vec<&str> = HANDED_ON.iter().filter_map(|name| fields.one(name)).collect();
    let compared = format!("{:?}", (order.order.id.as_str(), compared));
    Ok(AcceptCancel {
        order_id: order.order.id.clone(),
        amount,
        tax_free_amount,
        refund_account,
        reason,
        actor: by.actor(),
        key: CallerKey {
            scope: format!("{} POST /console/orders/{{id}}/cancel", by.member.id),
            key: key.to_owned(),
            fingerprint: console.token_key.fingerprint(compared.as_bytes()),
        },
    })
}

/// `POST /console/orders/{id}/look-up`
pub(crate) async fn look_up(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let Posted { by, fields } = &posted;
    let (order, _) = match find(&console, by, Action::ActOnJobs, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let (id, order_page) = (&order.order.id, format!("/console/orders/{}", order.order.id));
    let acted = match reason(fields) {
        Ok(reason) => {
            let acted = console.store.look_up_payment(id, &by.actor(), reason.as_deref()).await;
            acted.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match acted {
        Ok(acted) => {
            if let Some(job) = acted.publish {
                console.publishing.publish(job);
            }
            done(&order_page, Done::LookUp)
        }
        Err(problem) => refuse(&console, by, problem, &order_page),
    }
}

/// `POST /console/orders/{id}/review/close`
pub(crate) async fn close_review(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let Posted { by, fields } = &posted;
    let (order, _) = match find(&console, by, Action::ActOnJobs, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let order_page = format!("/console/orders/{}", order.order.id);
    let version = fields.one("version").and_then(|text| text.parse().ok());
    let reason = api::read_reason(fields.one("reason").unwrap_or_default());
    let (version, reason) = match (version, reason) {
        (Some(version), Ok(reason)) => (version, reason),
        (None, _) => return refused(&console, by, StatusCode::UNPROCESSABLE_ENTITY),
        (_, Err(problem)) => return refuse(&console, by, problem, &order_page),
    };
    match console.store.close_review(&order.order.id, version, &by.actor(), &reason).await {
        Ok(()) => done(&order_page, Done::CloseReview),
        Err(error) => refuse(&console, by, error, &order_page),
    }
}

/// The order, if they may do this with it and it has a payment; one of another store is as good as none.
pub(super) async fn find(
    console: &Console,
    by: &SignedIn,
    action: Action,
    id: String,
) -> Result<(OrderDetail, PaymentOffers), Response> {
    let unknown = || refused(console, by, StatusCode::NOT_FOUND);
    let id = OrderId::parse(id).map_err(|_| unknown())?;
    let failed = |error| super::failed(console, &by.asked, &error);
    let order = console.store.find_order(&id).await.map_err(failed)?;
    let may = |order: &OrderDetail| by.member.member().may(action, &order.order.store_id);
    let order = order.filter(may).ok_or_else(unknown)?;
    let offers = console.store.find_payment_offers(&id).await.map_err(failed)?;
    let offers = offers.ok_or_else(unknown)?;
    Ok((order, offers))
}
