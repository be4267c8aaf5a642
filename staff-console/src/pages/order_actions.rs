//! What the forms of an order do: looking its payment up, cancelling it wholly or in part, closing its review.

use api::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::cancellation::{Available, CancelRefusal, check_repeats_no_lost, tax_free_part};
use domain::id::IdSource as _;
use domain::refund_account::{BANKS, RefundAccount, bank_name};
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
    /// Whether cancels were found whose records were lost.
    has_lost: bool,
}

#[derive(Debug, Template)]
#[template(path = "cancel_check.html")]
struct CheckPage {
    frame: Frame,
    order: OrderDetail,
    amount: i64,
    tax_free: i64,
    rest: i64,
    account: Option<String>,
    /// Of this form: what is sent twice counts once.
    key: String,
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
        has_lost: !offers.lost.is_empty(),
    };
    page(StatusCode::OK, &by.asked, &form)
}

/// The fields that the second page hands on.
const HANDED_ON: [&str; 7] =
    ["amount", "tax-free", "reason", "bank", "account-number", "holder", "another"];

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
    let back = format!("/console/orders/{}/cancel", order.order.id);
    let asked = match read_cancel(&console, by, fields, &order) {
        Ok(asked) => asked,
        Err(Wrong::Problem(problem)) => return refuse(&console, by, problem, &back),
        Err(Wrong::Field(text)) => return refuse_with(&console, by, text, &back),
    };
    if fields.one("sure").is_some() {
        give_back(&console, &posted, &order, asked).await
    } else {
        match check(&offers, &asked) {
            Ok(would) => preview(&console, &posted, order, asked, would),
            Err(refusal) => refuse(&console, by, refusal, &back),
        }
    }
}

/// What would go back.
struct WouldGoBack {
    amount: Won,
    tax_free: Won,
    rest: Won,
}

/// Whether that can be given back as things stand. The store asks the same rules again under its locks.
fn check(offers: &PaymentOffers, asked: &AcceptCancel) -> Result<WouldGoBack, CancelRefusal> {
    let left = offers.cancel?;
    let amount = asked.amount.unwrap_or(left.total);
    if amount.is_zero() {
        return Err(CancelRefusal::Zero);
    }
    if !asked.is_another {
        check_repeats_no_lost(&offers.lost, asked.amount, amount)?;
    }
    let Some(rest) = left.total.minus(amount) else {
        return Err(CancelRefusal::TooMuch { available: left.total });
    };
    if offers.is_whole_only && !rest.is_zero() {
        return Err(CancelRefusal::WholeOnly);
    }
    match (offers.needs_refund_account, asked.refund_account.is_some()) {
        (true, false) => return Err(CancelRefusal::RefundAccountNeeded),
        (false, true) => return Err(CancelRefusal::RefundAccountUnwanted),
        (true, true) | (false, false) => {}
    }
    let tax_free = tax_free_part(left, amount, asked.tax_free_amount)?;
    Ok(WouldGoBack { amount, tax_free, rest })
}

fn preview(
    console: &Console,
    posted: &Posted,
    order: OrderDetail,
    asked: AcceptCancel,
    would: WouldGoBack,
) -> Response {
    let Posted { by, fields } = posted;
    let handed = HANDED_ON.map(|name| (name, fields.one(name).unwrap_or_default().to_owned()));
    let text = |name| fields.one(name).map(str::trim).unwrap_or_default();
    let account = asked.refund_account.as_ref().map(|_| {
        let bank = bank_name(text("bank")).unwrap_or_default();
        format!("{bank} {} {}", text("account-number"), text("holder"))
    });
    let amount = would.amount.get();
    let check = CheckPage {
        frame: by.frame(console),
        is_typed_again: amount > console.confirm_amount_above,
        order,
        amount,
        tax_free: would.tax_free.get(),
        rest: would.rest.get(),
        account,
        key: RandomIds.new_id(),
        fields: Vec::from(handed),
        reason: asked.reason,
    };
    page(StatusCode::OK, &by.asked, &check)
}

async fn give_back(
    console: &Console,
    posted: &Posted,
    order: &OrderDetail,
    asked: AcceptCancel,
) -> Response {
    let Posted { by, fields } = posted;
    let order_page = format!("/console/orders/{}", order.order.id);
    let back = format!("{order_page}/cancel");
    // What is given back is what they saw, also where they asked for all that is left.
    let Some(seen) = fields.one("seen").and_then(won) else {
        return refuse_with(console, by, words::FORBIDDEN_NEXT, &back);
    };
    let amount = asked.amount.unwrap_or(seen);
    let is_typed = fields.one("typed").and_then(won) == Some(amount);
    if amount.get() > console.confirm_amount_above && !is_typed {
        return refuse_with(console, by, words::CANCEL_NOT_TYPED, &back);
    }
    let asked = AcceptCancel { amount: Some(amount), ..asked };
    match console.store.accept_cancel(&asked).await {
        Ok(accepted) => {
            if let Some(job) = accepted.job {
                console.publishing.publish(vec![job]);
            }
            let what = if accepted.is_replay { Done::CancelBefore } else { Done::Cancel };
            done(&order_page, what)
        }
        Err(error) => refuse(console, by, error, &back),
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
    // The first of the two forms only asks.
    let key = match fields.one("sure") {
        None => RandomIds.new_id(),
        Some(_) => {
            let key = text("key").filter(|key| key.chars().count() <= KEY_CHARS_MAX);
            key.ok_or(Wrong::Field(words::FORBIDDEN_NEXT))?.to_owned()
        }
    };
    let compared: Vec<&str> =
        HANDED_ON.iter().chain(&["seen"]).filter_map(|name| fields.one(name)).collect();
    let compared = format!("{:?}", (order.order.id.as_str(), compared));
    Ok(AcceptCancel {
        order_id: order.order.id.clone(),
        amount,
        tax_free_amount,
        refund_account,
        reason,
        is_another: text("another").is_some(),
        actor: by.actor(),
        key: CallerKey {
            scope: format!("{} POST /console/orders/{{id}}/cancel", by.member.id),
            key,
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
                console.publishing.publish(vec![job]);
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
