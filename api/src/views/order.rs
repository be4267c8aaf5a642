//! Orders, as answers show them. A customer sees their own order without Toss's raw words; staff also see whom and where to deliver,
//! and what Toss said.

use domain::answer::Means;
use domain::payment::PaymentState;
use domain::status::CustomerStatus;
use serde::Serialize;
use store::orders::{OrderDetail, OrderRow, PaymentDetail};
use utoipa::ToSchema;

use super::cancel::CancelView;
use super::quote::LineView;
use super::{CURRENCY, instant};
use crate::credential::Tokens;
use crate::words::failure::explain;
use crate::words::status::{next_step, status_text};
use crate::words::{Language, Text};

/// What stands where an erased order must have a text.
const ERASED: Text = Text { ko: "(개인정보 삭제됨)", en: "(personal data erased)" };

/// An order and where it stands. All amounts are whole won.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderView {
    /// As Toss knows it.
    pub(crate) order_id: String,
    /// Where it was ordered.
    pub(crate) store_id: String,
    /// The store's name then.
    pub(crate) store_name: String,
    /// What it is called.
    pub(crate) order_name: String,
    /// awaiting_payment, confirming, checking, waiting_for_deposit, paid, failed, expired, closed, refunding, partially_cancelled
    /// or cancelled. More words may come: go by `keepPolling`.
    pub(crate) status: &'static str,
    /// The status as a sentence for the customer.
    pub(crate) status_text: &'static str,
    /// What the customer should do now; null when there is nothing to do.
    #[schema(required = true)]
    pub(crate) next_step: Option<&'static str>,
    /// Whether something more is coming by itself.
    pub(crate) keep_polling: bool,
    /// In how many seconds asking again makes sense; null when nothing is coming.
    #[schema(required = true)]
    pub(crate) retry_after_seconds: Option<u32>,
    /// Rises with every change.
    pub(crate) version: i64,
    /// What is paid.
    pub(crate) amount: i64,
    /// What of it is free of tax.
    pub(crate) tax_free_amount: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// The sum of the lines.
    pub(crate) items_amount: i64,
    /// What delivery adds.
    pub(crate) delivery_fee: i64,
    /// What was taken and not given back.
    pub(crate) balance: i64,
    /// What was given back.
    pub(crate) cancelled_amount: i64,
    /// The lines as sold.
    pub(crate) lines: Vec<LineView>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// Until when it may be paid.
    #[schema(format = DateTime)]
    pub(crate) pay_by: String,
    /// When the customer's personal data was erased, by request; null for an order that still has it.
    #[schema(required = true, format = DateTime)]
    pub(crate) personal_data_erased_at: Option<String>,
    /// Its payment; null until a confirm was accepted.
    #[schema(required = true)]
    pub(crate) payment: Option<PaymentView>,
    /// Its cancellations, oldest first.
    pub(crate) cancels: Vec<CancelView>,
    /// A fresh ticket to read this order for 15 minutes; null for staff.
    #[schema(required = true)]
    pub(crate) ticket: Option<String>,
    /// Who ordered; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<CustomerView>,
    /// Where it goes; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<DeliveryView>,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentView {
    /// How it was paid, as Toss names it.
    #[schema(required = true)]
    pub(crate) method: Option<String>,
    /// More about it; null until Toss told.
    #[schema(required = true)]
    pub(crate) method_details: Option<MethodDetailsView>,
    /// Whether a part can be cancelled, by what Toss told; null until then, and for customers.
    #[schema(required = true)]
    pub(crate) partially_cancelable: Option<bool>,
    /// When the confirm was accepted.
    #[schema(format = DateTime)]
    pub(crate) requested_at: String,
    /// When the money was taken.
    #[schema(required = true, format = DateTime)]
    pub(crate) approved_at: Option<String>,
    /// Toss's receipt.
    #[schema(required = true)]
    pub(crate) receipt_url: Option<String>,
    /// Why nothing was taken.
    #[schema(required = true)]
    pub(crate) failure: Option<FailureView>,
    /// Where to pay into.
    #[schema(required = true)]
    pub(crate) virtual_account: Option<VirtualAccountView>,
    /// Why a person should look; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review_reason: Option<String>,
}

/// What is known about how it was paid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodDetailsView {
    /// Of a wallet: its name, as Toss gives it.
    #[schema(required = true)]
    pub(crate) easy_pay_provider: Option<String>,
    /// Of a card: Toss's code of who issued it.
    #[schema(required = true)]
    pub(crate) card_issuer_code: Option<String>,
    /// Of a card: its number, masked by Toss.
    #[schema(required = true)]
    pub(crate) card_number: Option<String>,
    /// Of a card: in how many months; 0 for one sum.
    #[schema(required = true)]
    pub(crate) card_installment_months: Option<u32>,
    /// Of a transfer: Toss's code of the bank.
    #[schema(required = true)]
    pub(crate) transfer_bank_code: Option<String>,
}

/// Why nothing was taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureView {
    /// Toss's code, or ours.
    pub(crate) code: String,
    /// A sentence that a customer understands.
    pub(crate) message: &'static str,
    /// What to do now.
    pub(crate) next_step: &'static str,
    /// Toss's own sentence; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) toss_message: Option<String>,
}

/// An account that waits for the customer's money.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VirtualAccountView {
    /// Toss's code of the bank.
    #[schema(required = true)]
    pub(crate) bank_code: Option<String>,
    /// The account.
    pub(crate) account_number: String,
    /// In whose name the money is awaited.
    #[schema(required = true)]
    pub(crate) customer_name: Option<String>,
    /// Until when.
    #[schema(required = true, format = DateTime)]
    pub(crate) due_date: Option<String>,
}

/// Who ordered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerView {
    /// Their name; a sentence in its place once `personalDataErasedAt` is set.
    pub(crate) name: String,
    /// Their e-mail address.
    #[schema(required = true)]
    pub(crate) email: Option<String>,
    /// Digits; the same sentence once it was erased.
    pub(crate) phone: String,
}

/// Where an order goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryView {
    /// The address; a sentence in its place once `personalDataErasedAt` is set.
    pub(crate) address: String,
    /// Floor, flat, door.
    #[schema(required = true)]
    pub(crate) detail: Option<String>,
    /// For the courier.
    #[schema(required = true)]
    pub(crate) note: Option<String>,
}

impl OrderView {
    /// The order as its customer sees it, with a fresh ticket.
    pub(crate) fn for_customer(
        order: &OrderDetail,
        tokens: &Tokens,
        language: Language,
    ) -> OrderView {
        let ticket = Some(tokens.ticket(&order.order.id, order.now_ms));
        OrderView { ticket, ..OrderView::new(order, true, language) }
    }

    /// The order as staff of its store see it.
    pub(crate) fn for_staff(order: &OrderDetail, language: Language) -> OrderView {
        OrderView {
            customer: Some(CustomerView::new(&order.order, language)),
            delivery: Some(DeliveryView::new(&order.order, language)),
            ..OrderView::new(order, false, language)
        }
    }

    fn new(order: &OrderDetail, is_for_customer: bool, language: Language) -> OrderView {
        let view = order.view();
        let row = &order.order;
        let cancels = &order.cancellations;
        OrderView {
            order_id: row.id.as_str().to_owned(),
            store_id: row.store_id.as_str().to_owned(),
            store_name: row.store_name.clone(),
            order_name: row.order_name.clone(),
            status: view.status.word(),
            status_text: status_text(view.status).in_language(language),
            next_step: next_step(view.status).map(|text| text.in_language(language)),
            keep_polling: view.ask_again_s.is_some(),
            retry_after_seconds: view.ask_again_s,
            version: row.version,
            amount: row.amount.get(),
            tax_free_amount: row.tax_free_amount.get(),
            currency: CURRENCY,
            items_amount: row.items_amount.get(),
            delivery_fee: row.delivery_fee.get(),
            balance: order.payment.as_ref().map_or(0, |payment| payment.balance.get()),
            cancelled_amount: order.cancelled_amount().get(),
            lines: order.lines.iter().map(LineView::new).collect(),
            created_at: instant(row.created_at_ms),
            pay_by: instant(row.pay_by_ms),
            personal_data_erased_at: row.erased_at_ms.map(instant),
            payment: order
                .payment
                .as_ref()
                .map(|payment| PaymentView::new(payment, view.status, is_for_customer, language)),
            cancels: cancels
                .iter()
                .map(|cancel| CancelView::new(cancel, is_for_customer, language))
                .collect(),
            ticket: None,
            customer: None,
            delivery: None,
        }
    }
}

impl PaymentView {
    fn new(
        payment: &PaymentDetail,
        status: CustomerStatus,
        is_for_customer: bool,
        language: Language,
    ) -> PaymentView {
        let account = payment.virtual_account.as_ref().map(|account| VirtualAccountView {
            bank_code: account.bank_code.clone(),
            account_number: account.account_number.clone(),
            customer_name: account.holder.clone(),
            due_date: account.due_at_ms.map(instant),
        });
        PaymentView {
            method: payment.method.clone(),
            method_details: MethodDetailsView::of(&payment.means),
            partially_cancelable: payment.means.is_partial_cancelable.filter(|_| !is_for_customer),
            requested_at: instant(payment.accepted_at_ms),
            approved_at: payment.approved_at_ms.map(instant),
            receipt_url: payment.receipt_url.clone(),
            failure: failure(payment, status, is_for_customer, language),
            virtual_account: account,
            review_reason: payment.review_reason.clone().filter(|_| !is_for_customer),
        }
    }
}

impl MethodDetailsView {
    fn of(means: &Means) -> Option<MethodDetailsView> {
        let Means {
            easy_pay_provider,
            card_issuer,
            card_number,
            card_installment_months,
            transfer_bank,
            is_partial_cancelable: _,
            tax_free_amount: _,
        } = means.clone();
        let texts = [&easy_pay_provider, &card_issuer, &card_number, &transfer_bank];
        let is_told = texts.into_iter().any(Option::is_some) || card_installment_months.is_some();
        is_told.then_some(MethodDetailsView {
            easy_pay_provider,
            card_issuer_code: card_issuer,
            card_number,
            card_installment_months,
            transfer_bank_code: transfer_bank,
        })
    }
}

/// Why nothing was taken, once that is sure.
fn failure(
    payment: &PaymentDetail,
    status: CustomerStatus,
    is_for_customer: bool,
    language: Language,
) -> Option<FailureView> {
    let is_final = match payment.state {
        PaymentState::Failed | PaymentState::Expired => true,
        PaymentState::Confirming
        | PaymentState::ConfirmUnresolved
        | PaymentState::WaitingForDeposit
        | PaymentState::Confirmed
        | PaymentState::PartiallyCancelled
        | PaymentState::Cancelled => false,
    };
    let failure = payment.failure.as_ref().filter(|_| is_final)?;
    let explained = explain(&failure.code);
    let is_expired = status == CustomerStatus::Expired;
    let message = if is_expired { status_text(status) } else { explained.message };
    let step = if is_expired {
        next_step(status).unwrap_or(explained.next_step)
    } else {
        explained.next_step
    };
    Some(FailureView {
        code: failure.code.clone(),
        message: message.in_language(language),
        next_step: step.in_language(language),
        toss_message: failure.message.clone().filter(|_| !is_for_customer),
    })
}

/// A text of the order's form, or that it was erased.
fn personal(row: &OrderRow, text: &str, language: Language) -> String {
    match row.erased_at_ms {
        None => text.to_owned(),
        Some(_) => ERASED.in_language(language).to_owned(),
    }
}

impl CustomerView {
    fn new(row: &OrderRow, language: Language) -> CustomerView {
        CustomerView {
            name: personal(row, &row.customer_name, language),
            email: row.customer_email.clone(),
            phone: personal(row, &row.customer_phone, language),
        }
    }
}

impl DeliveryView {
    fn new(row: &OrderRow, language: Language) -> DeliveryView {
        DeliveryView {
            address: personal(row, &row.address, language),
            detail: row.address_detail.clone(),
            note: row.note.clone(),
        }
    }
}
