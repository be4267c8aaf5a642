//! Making an order: priced, compared with what the customer saw, and written with its lines and its caller's key, or not at all.

use domain::cart::{CartLine, CartProblem, Quote};
use domain::customer::{Customer, CustomerKey, Delivery};
use domain::order::OrderState;
use domain::{OrderId, StoreId, Won};
use entities::{order, order_line, store};
use sea_orm::ActiveValue::Set;
use sea_orm::{DbErr, EntityTrait as _, IntoActiveModel as _, QuerySelect as _};

use super::{OrderDetail, detail};
use crate::catalogue::{self, QuoteError, StoreView};
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::idempotency::{CallerKey, Reserved, is_inserted, reserve};
use crate::key_pairs::CurrentKeys;

/// An order to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOrder {
    /// The id that the caller wants; `None` has one made.
    pub proposed_id: Option<OrderId>,
    /// Where.
    pub store: StoreId,
    /// What.
    pub lines: Vec<CartLine>,
    /// What the customer was shown; compared with what it costs now.
    pub expected_amount: Won,
    /// Who.
    pub customer: Customer,
    /// What the window is told as its customer; a guest has no key.
    pub customer_key: Option<CustomerKey>,
    /// Where to.
    pub delivery: Delivery,
    /// How long it may be paid, in milliseconds from now.
    pub pay_within_ms: i64,
    /// The caller's idempotency key, if one was sent.
    pub idempotency: Option<CallerKey>,
    /// Which pair of keys the order is pinned to, by its store's merchant.
    pub current_keys: CurrentKeys,
}

/// An order that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedOrder {
    /// The order as it stands now.
    pub order: OrderDetail,
    /// Whether an earlier request with the same key made it.
    pub is_replay: bool,
}

/// Why an order was not made. Nothing was written; the idempotency key may be used again.
#[derive(Debug, thiserror::Error)]
pub enum CreateOrderError {
    /// There is no such store.
    #[error("the store is unknown")]
    UnknownStore,
    /// The cart cannot be ordered as it is.
    #[error("the cart cannot be ordered")]
    Cart(CartProblem),
    /// It costs another amount than the customer was shown.
    #[error("the cart costs {} won", quote.amount)]
    AmountMismatch {
        /// What it costs now.
        quote: Box<Quote>,
    },
    /// The store sells under a merchant without keys.
    #[error("merchant {merchant} is not configured")]
    MerchantUnknown {
        /// Its name.
        merchant: String,
    },
    /// The proposed id belongs to another order.
    #[error("the order id is taken")]
    OrderIdTaken,
    /// The idempotency key was used for another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The database failed; repeating is safe with an idempotency key or a proposed id.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for CreateOrderError {
    fn from(error: DbErr) -> CreateOrderError {
        CreateOrderError::Store(error.into())
    }
}

impl From<QuoteError> for CreateOrderError {
    fn from(error: QuoteError) -> CreateOrderError {
        match error {
            QuoteError::UnknownStore => CreateOrderError::UnknownStore,
            QuoteError::Cart(problem) => CreateOrderError::Cart(problem),
            QuoteError::Store(error) => CreateOrderError::Store(error),
        }
    }
}

impl Conflict for CreateOrderError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            CreateOrderError::Store(error) => Some(error),
            CreateOrderError::UnknownStore
            | CreateOrderError::Cart(_)
            | CreateOrderError::AmountMismatch { .. }
            | CreateOrderError::MerchantUnknown { .. }
            | CreateOrderError::OrderIdTaken
            | CreateOrderError::KeyReused => None,
        }
    }
}

impl Store {
    /// Makes an order, or finds the one that the same idempotency key made. Names and prices on it are those of this moment.
    ///
    /// # Errors
    /// [`CreateOrderError`] says why not; nothing was written then.
    pub async fn create_order(
        &self,
        order: &CreateOrder,
    ) -> Result<CreatedOrder, CreateOrderError> {
        self.retried(|| self.create_order_once(order)).await
    }

    async fn create_order_once(
        &self,
        order: &CreateOrder,
    ) -> Result<CreatedOrder, CreateOrderError> {
        let mut write = self.begin_write().await?;
        let id =
            order.proposed_id.as_ref().map_or_else(|| write.new_id(), |id| id.as_str().to_owned());
        if let Some(key) = &order.idempotency {
            match reserve(&write, key, &id).await? {
                Reserved::New => {}
                Reserved::Replay { subject } => return replay(&write, &subject).await,
                Reserved::OtherBody => return Err(CreateOrderError::KeyReused),
            }
        }
        // Shared: orders do not wait for each other, and a change of the menu waits for both.
        let store =
            store::Entity::find_by_id(order.store.as_str()).lock_shared().one(&write.tx).await?;
        let store = catalogue::store_view(&store.ok_or(CreateOrderError::UnknownStore)?)?;
        let quote = catalogue::price(&write.tx, &store, &order.lines).await?;
        if quote.amount != order.expected_amount {
            return Err(CreateOrderError::AmountMismatch { quote: Box::new(quote) });
        }
        let key_pair = order.current_keys.of(&store.merchant).ok_or_else(|| {
            CreateOrderError::MerchantUnknown { merchant: store.merchant.clone() }
        })?;
        let row = new_order(id, order, &store, &quote, key_pair, write.now_ms);
        let inserted = order::Entity::insert(row.clone().into_active_model())
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
        if !is_inserted(&inserted) {
            return Err(CreateOrderError::OrderIdTaken);
        }
        insert_lines(&write, &row.id, &quote).await?;
        write.changes(&row.id);
        let created = load(&write, row).await?;
        write.commit().await?;
        Ok(CreatedOrder { order: created, is_replay: false })
    }
}

async fn replay(write: &Write<'_>, id: &str) -> Result<CreatedOrder, CreateOrderError> {
    let row = order::Entity::find_by_id(id).one(&write.tx).await?.ok_or_else(|| {
        DbErr::RecordNotFound(format!("order {id}, which an idempotency key made"))
    })?;
    Ok(CreatedOrder { order: load(write, row).await?, is_replay: true })
}

async fn load(write: &Write<'_>, row: order::Model) -> Result<OrderDetail, StoreError> {
    let id = row.id.clone();
    let found = detail::load(&write.tx, vec![row], write.now_ms).await?.pop();
    found.ok_or_else(|| DbErr::RecordNotFound(format!("order {id}")).into())
}

fn new_order(
    id: String,
    order: &CreateOrder,
    store: &StoreView,
    quote: &Quote,
    key_pair: i32,
    now_ms: i64,
) -> order::Model {
    order::Model {
        id,
        store_id: store.id.as_str().to_owned(),
        store_name: store.name.clone(),
        merchant: store.merchant.clone(),
        customer_name: order.customer.name().to_owned(),
        customer_email: order.customer.email().map(str::to_owned),
        customer_phone: order.customer.phone().to_owned(),
        address: order.delivery.address().to_owned(),
        address_detail: order.delivery.detail().map(str::to_owned),
        note: order.delivery.note().map(str::to_owned),
        items_amount: quote.items_amount.get(),
        delivery_fee: quote.delivery_fee.get(),
        amount: quote.amount.get(),
        tax_free_amount: quote.tax_free_amount.get(),
        order_name: quote.order_name.clone(),
        state: OrderState::Open.word().to_owned(),
        pay_by: now_ms.saturating_add(order.pay_within_ms),
        version: 1,
        created_at: now_ms,
        updated_at: now_ms,
        erased_at: None,
        key_pair,
        customer_key: order.customer_key.as_ref().map(|key| key.as_str().to_owned()),
        unrecorded_until: 0,
    }
}

async fn insert_lines(write: &Write<'_>, order_id: &str, quote: &Quote) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(quote.lines.len());
    for (number, line) in quote.lines.iter().enumerate() {
        rows.push(order_line::ActiveModel {
            order_id: Set(order_id.to_owned()),
            line: Set(i32::try_from(number).unwrap_or(i32::MAX)),
            product_id: Set(line.product_id.as_str().to_owned()),
            product_name: Set(line.name.clone()),
            unit_price: Set(line.unit_price.get()),
            options: Set(detail::sold_options(&line.options)),
            quantity: Set(i32::try_from(line.quantity).unwrap_or(i32::MAX)),
            amount: Set(line.amount.get()),
            is_tax_free: Set(line.is_tax_free),
        });
    }
    order_line::Entity::insert_many(rows).exec_without_returning(&write.tx).await?;
    Ok(())
}
