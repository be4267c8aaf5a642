//! From rows to [`OrderDetail`]s: a fixed number of statements for any number of orders.

use std::collections::HashMap;

use domain::cart::{QuotedLine, QuotedOption};
use domain::job::{JobKind, JobState};
use domain::order::OrderState;
use domain::role::Role;
use domain::status::Standing;
use domain::text::is_receipt_address;
use domain::{CancellationId, OrderId, ProductId, StoreId};
use entities::{cancellation, job, order, order_line, payment};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use serde::{Deserialize, Serialize};

use super::{CancellationDetail, Failure, OrderDetail, OrderRow, PaymentDetail, VirtualAccount};
use crate::error::StoreError;
use crate::rows;
use crate::sql::is_one_of;

/// An option in the `options` column of a line.
#[derive(Serialize, Deserialize)]
struct SoldOption {
    id: String,
    name: String,
    price: i64,
}

/// What belongs to the orders of one page, by order id.
#[derive(Default)]
struct Belongings {
    lines: HashMap<String, Vec<QuotedLine>>,
    payments: HashMap<String, payment::Model>,
    cancellations: HashMap<String, Vec<CancellationDetail>>,
    confirm_jobs: HashMap<String, JobState>,
}

/// The details of these orders, in their order, as the connection sees them.
pub(super) async fn load(
    connection: &impl ConnectionTrait,
    orders: Vec<order::Model>,
    now_ms: i64,
) -> Result<Vec<OrderDetail>, StoreError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = orders.iter().map(|row| row.id.as_str()).collect();
    let mut belongings =
        Belongings { lines: lines_of(connection, &ids).await?, ..Belongings::default() };
    // Only an order that is paying has a payment and what comes with one.
    let paying: Vec<&str> = orders
        .iter()
        .filter(|row| row.state == OrderState::Paying.word())
        .map(|row| row.id.as_str())
        .collect();
    if !paying.is_empty() {
        belongings.payments = payments_of(connection, &paying).await?;
        belongings.cancellations = cancellations_of(connection, &paying).await?;
        belongings.confirm_jobs = confirm_jobs_of(connection, &paying).await?;
    }
    orders.iter().map(|row| order_detail(row, &mut belongings, now_ms)).collect()
}

/// The detail of an order whose confirm is being accepted, from its rows.
pub(crate) fn accepted_detail(
    order: &order::Model,
    lines: &[order_line::Model],
    payment: &payment::Model,
    now_ms: i64,
) -> Result<OrderDetail, StoreError> {
    let id = || order.id.clone();
    let mut belongings = Belongings {
        payments: HashMap::from([(id(), payment.clone())]),
        confirm_jobs: HashMap::from([(id(), JobState::Queued)]),
        ..Belongings::default()
    };
    let lines = lines.iter().map(sold_line).collect::<Result<_, _>>()?;
    belongings.lines.insert(id(), lines);
    order_detail(order, &mut belongings, now_ms)
}

fn order_detail(
    row: &order::Model,
    belongings: &mut Belongings,
    now_ms: i64,
) -> Result<OrderDetail, StoreError> {
    let order = order_row(row)?;
    let payment =
        belongings.payments.remove(&row.id).map(|row| payment_detail(&row)).transpose()?;
    let cancellations = belongings.cancellations.remove(&row.id).unwrap_or_default();
    let confirm_job = belongings.confirm_jobs.remove(&row.id);
    let open = || cancellations.iter().filter(|cancellation| cancellation.state.is_open());
    let standing = Standing {
        order: order.state,
        pay_by_ms: order.pay_by_ms,
        payment: payment.as_ref().map(|payment| payment.state),
        confirm_job,
        // Nobody of the staff asked for it: a late approval is given back.
        is_refunding: open().any(|cancellation| cancellation.role.is_none()),
        open_cancel_since_ms: open().map(|cancellation| cancellation.requested_at_ms).max(),
        since_ms: payment.as_ref().map_or(order.created_at_ms, |payment| payment.accepted_at_ms),
    };
    let lines = belongings.lines.remove(&row.id).unwrap_or_default();
    Ok(OrderDetail { order, lines, payment, cancellations, confirm_job, standing, now_ms })
}

fn order_row(row: &order::Model) -> Result<OrderRow, StoreError> {
    let id = row.id.as_str();
    Ok(OrderRow {
        id: order_id("orders", id, id)?,
        store_id: StoreId::parse(row.store_id.as_str())
            .map_err(|_| rows::unreadable("orders", id, "store_id", &row.store_id))?,
        store_name: row.store_name.clone(),
        merchant: row.merchant.clone(),
        key_pair: rows::count("orders", id, "key_pair", row.key_pair)?,
        customer_key: row.customer_key.clone(),
        customer_name: row.customer_name.clone(),
        customer_email: row.customer_email.clone(),
        customer_phone: row.customer_phone.clone(),
        address: row.address.clone(),
        address_detail: row.address_detail.clone(),
        note: row.note.clone(),
        items_amount: rows::won("orders", id, "items_amount", row.items_amount)?,
        delivery_fee: rows::won("orders", id, "delivery_fee", row.delivery_fee)?,
        amount: rows::won("orders", id, "amount", row.amount)?,
        tax_free_amount: rows::won("orders", id, "tax_free_amount", row.tax_free_amount)?,
        order_name: row.order_name.clone(),
        state: rows::order_state(row)?,
        pay_by_ms: row.pay_by,
        version: row.version,
        created_at_ms: row.created_at,
        updated_at_ms: row.updated_at,
        erased_at_ms: row.erased_at,
    })
}

fn payment_detail(row: &payment::Model) -> Result<PaymentDetail, StoreError> {
    Ok(PaymentDetail {
        state: rows::payment_state(row)?,
        payment_key: row.payment_key.clone(),
        toss_status: row.toss_status.clone(),
        method: row.method.clone(),
        payment_type: row.payment_type.clone(),
        means: rows::means(row)?,
        balance: rows::won("payments", &row.order_id, "balance", row.balance)?,
        accepted_at_ms: row.accepted_at,
        approved_at_ms: row.approved_at,
        // A link for people, wherever it is shown.
        receipt_url: row.receipt_url.clone().filter(|url| is_receipt_address(url)),
        failure: failure(row.failure_code.as_ref(), row.failure_message.as_ref()),
        virtual_account: row.account_number.clone().map(|account_number| VirtualAccount {
            bank_code: row.bank_code.clone(),
            account_number,
            holder: row.account_holder.clone(),
            due_at_ms: row.deposit_due_at,
        }),
        review_reason: row.review_reason.clone(),
    })
}

/// A cancellation's row.
pub(super) fn cancellation(row: &cancellation::Model) -> Result<CancellationDetail, StoreError> {
    let id = row.id.as_str();
    let role = match row.role.as_str() {
        "system" => None,
        word => Some(
            Role::from_word(word)
                .ok_or_else(|| rows::unreadable("cancellations", id, "role", word))?,
        ),
    };
    Ok(CancellationDetail {
        id: CancellationId::parse(id)
            .map_err(|_| rows::unreadable("cancellations", id, "id", id))?,
        order_id: order_id("cancellations", id, &row.order_id)?,
        amount: rows::won("cancellations", id, "amount", row.amount)?,
        tax_free_amount: rows::tax_free_part(row)?,
        reason: row.reason.clone(),
        requested_by: row.requested_by.clone(),
        role,
        state: rows::cancellation_state(row)?,
        transaction_key: row.transaction_key.clone(),
        requested_at_ms: row.requested_at,
        cancelled_at_ms: row.cancelled_at,
        failure: failure(row.failure_code.as_ref(), row.failure_message.as_ref()),
    })
}

fn order_id(table: &'static str, row: &str, text: &str) -> Result<OrderId, StoreError> {
    let column = if table == "orders" { "id" } else { "order_id" };
    OrderId::parse(text).map_err(|_| rows::unreadable(table, row, column, text))
}

fn failure(code: Option<&String>, message: Option<&String>) -> Option<Failure> {
    code.map(|code| Failure { code: code.clone(), message: message.cloned() })
}

async fn lines_of(
    connection: &impl ConnectionTrait,
    ids: &[&str],
) -> Result<HashMap<String, Vec<QuotedLine>>, StoreError> {
    let rows = order_line::Entity::find()
        .filter(is_one_of(connection, order_line::Column::OrderId, ids.iter().copied()))
        .order_by_asc(order_line::Column::OrderId)
        .order_by_asc(order_line::Column::Line)
        .all(connection)
        .await?;
    let mut lines: HashMap<String, Vec<QuotedLine>> = HashMap::new();
    for row in rows {
        let line = sold_line(&row)?;
        lines.entry(row.order_id).or_default().push(line);
    }
    Ok(lines)
}

fn sold_line(row: &order_line::Model) -> Result<QuotedLine, StoreError> {
    let id = row.order_id.as_str();
    let product_id = |column, text: &str| {
        ProductId::parse(text).map_err(|_| rows::unreadable("order_lines", id, column, text))
    };
    let sold: Vec<SoldOption> = serde_json::from_str(&row.options)
        .map_err(|error| rows::unreadable("order_lines", id, "options", error))?;
    let mut options = Vec::with_capacity(sold.len());
    for option in sold {
        options.push(QuotedOption {
            id: product_id("options", &option.id)?,
            name: option.name,
            price: rows::won("order_lines", id, "options", option.price)?,
        });
    }
    Ok(QuotedLine {
        product_id: product_id("product_id", &row.product_id)?,
        name: row.product_name.clone(),
        unit_price: rows::won("order_lines", id, "unit_price", row.unit_price)?,
        options,
        quantity: rows::count("order_lines", id, "quantity", row.quantity)?,
        amount: rows::won("order_lines", id, "amount", row.amount)?,
        is_tax_free: row.is_tax_free,
    })
}

/// The options of a line as its column keeps them.
pub(super) fn sold_options(options: &[QuotedOption]) -> String {
    let sold: Vec<SoldOption> = options
        .iter()
        .map(|option| SoldOption {
            id: option.id.as_str().to_owned(),
            name: option.name.clone(),
            price: option.price.get(),
        })
        .collect();
    serde_json::json!(sold).to_string()
}

async fn payments_of(
    connection: &impl ConnectionTrait,
    ids: &[&str],
) -> Result<HashMap<String, payment::Model>, StoreError> {
    let rows = payment::Entity::find()
        .filter(payment::Column::OrderId.is_in(ids.iter().copied()))
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| (row.order_id.clone(), row)).collect())
}

async fn cancellations_of(
    connection: &impl ConnectionTrait,
    ids: &[&str],
) -> Result<HashMap<String, Vec<CancellationDetail>>, StoreError> {
    let rows = cancellation::Entity::find()
        .filter(cancellation::Column::OrderId.is_in(ids.iter().copied()))
        .order_by_asc(cancellation::Column::OrderId)
        .order_by_asc(cancellation::Column::RequestedAt)
        .order_by_asc(cancellation::Column::Id)
        .all(connection)
        .await?;
    let mut cancellations: HashMap<String, Vec<CancellationDetail>> = HashMap::new();
    for row in rows {
        let detail = cancellation(&row)?;
        cancellations.entry(row.order_id).or_default().push(detail);
    }
    Ok(cancellations)
}

/// The state of each order's confirm job; of its latest one, should it have had several.
async fn confirm_jobs_of(
    connection: &impl ConnectionTrait,
    ids: &[&str],
) -> Result<HashMap<String, JobState>, StoreError> {
    let rows = job::Entity::find()
        .select_only()
        .columns([job::Column::Id, job::Column::OrderId, job::Column::State])
        .filter(job::Column::OrderId.is_in(ids.iter().copied()))
        .filter(job::Column::Kind.eq(JobKind::Confirm.word()))
        .order_by_asc(job::Column::OrderId)
        .order_by_asc(job::Column::Id)
        .into_tuple::<(String, String, String)>()
        .all(connection)
        .await?;
    let mut states = HashMap::new();
    for (id, order_id, word) in rows {
        let state = JobState::from_word(&word)
            .ok_or_else(|| rows::unreadable("jobs", &id, "state", &word))?;
        states.insert(order_id, state);
    }
    Ok(states)
}
