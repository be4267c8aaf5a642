//! The Payment object as Toss answers it, version 2022-11-16: every field present, null where there is nothing.
//!
//! Source: Toss, Payment object. Display values are Korean unless the caller asks for English.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::amount::vat_of;
use super::{Cancel, Payment, Status};
use crate::clock::Moment;
use crate::limits::{REFUND_ACCOUNT_READABLE_MS, REFUND_CREDIT_MS};
use crate::method::Family;
use crate::refusal::Language;

/// What a rendering depends on besides the payment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rendering<'a> {
    pub(crate) now: Moment,
    pub(crate) language: Language,
    /// Where the simulator is reached, without a slash at the end.
    pub(crate) origin: &'a str,
    /// Whether an easy-pay's provider is named by its code in every language.
    pub(crate) provider_codes: bool,
}

/// Toss's Payment object; fields in the order of its reference.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentView {
    version: &'static str,
    payment_key: String,
    r#type: &'static str,
    order_id: String,
    order_name: String,
    m_id: String,
    currency: &'static str,
    method: Option<&'static str>,
    total_amount: i64,
    balance_amount: i64,
    status: Status,
    requested_at: String,
    approved_at: Option<String>,
    use_escrow: Option<bool>,
    last_transaction_key: Option<String>,
    transaction_key: Option<String>,
    supplied_amount: i64,
    vat: i64,
    tax_free_amount: i64,
    tax_exemption_amount: i64,
    culture_expense: bool,
    is_partial_cancelable: bool,
    cancels: Option<Vec<CancelView>>,
    card: Option<CardView>,
    virtual_account: Option<VirtualAccountView>,
    transfer: Option<TransferView>,
    mobile_phone: Option<MobilePhoneView>,
    gift_certificate: Option<GiftCertificateView>,
    easy_pay: Option<EasyPayView>,
    foreign_easy_pay: Option<()>,
    easy_pay_amount: Option<i64>,
    easy_pay_discount_amount: Option<i64>,
    secret: Option<String>,
    cash_receipt: Option<Value>,
    cash_receipts: Option<Vec<Value>>,
    discount: Option<()>,
    failure: Option<FailureView>,
    receipt: Option<UrlView>,
    checkout: Option<UrlView>,
    country: &'static str,
    metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelView {
    transaction_key: String,
    cancel_reason: String,
    tax_exemption_amount: i64,
    canceled_at: String,
    card_discount_amount: i64,
    transfer_discount_amount: i64,
    easy_pay_discount_amount: i64,
    receipt_key: Option<String>,
    cancel_amount: i64,
    tax_free_amount: i64,
    refundable_amount: i64,
    cancel_status: &'static str,
    cancel_request_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CardView {
    amount: i64,
    issuer_code: &'static str,
    acquirer_code: &'static str,
    number: &'static str,
    installment_plan_months: u8,
    approve_no: &'static str,
    use_card_point: bool,
    card_type: &'static str,
    owner_type: &'static str,
    acquire_status: &'static str,
    is_interest_free: bool,
    interest_payer: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VirtualAccountView {
    account_type: &'static str,
    account_number: String,
    bank_code: String,
    customer_name: String,
    depositor_name: Option<String>,
    due_date: String,
    refund_status: &'static str,
    expired: bool,
    settlement_status: &'static str,
    refund_receive_account: Option<RefundAccountView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundAccountView {
    bank_code: String,
    account_number: String,
    holder_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TransferView {
    bank_code: &'static str,
    settlement_status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MobilePhoneView {
    customer_mobile_phone: String,
    settlement_status: &'static str,
    receipt_url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GiftCertificateView {
    approve_no: &'static str,
    settlement_status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EasyPayView {
    provider: &'static str,
    amount: i64,
    discount_amount: i64,
}

#[derive(Debug, Serialize)]
struct FailureView {
    code: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct UrlView {
    url: String,
}

/// Source: Toss, the approval number of every test payment.
const TEST_APPROVE_NO: &str = "00000000";
/// Source: Toss, settlement is never complete in the test environment.
const UNSETTLED: &str = "INCOMPLETED";

impl PaymentView {
    pub(crate) fn of(payment: &Payment, rendering: Rendering<'_>) -> PaymentView {
        let Rendering { language, origin, .. } = rendering;
        let untaxed = payment.tax_free_left().saturating_add(payment.tax_exemption_left());
        let taxed = payment.balance().saturating_sub(untaxed);
        let vat = vat_of(taxed);
        let approval = payment.approval.as_ref();
        let is_approved = approval.is_some();
        // Measured at Toss: a session that ran out has lost its method and its order name.
        let is_expired = payment.status == Status::Expired;
        let has_method = payment.authenticated_at.is_some() && !is_expired;
        let last_transaction_key = last_transaction_key(payment);
        let url = |path: &str| UrlView { url: format!("{origin}/{path}/{}", payment.payment_key) };
        PaymentView {
            version: "2022-11-16",
            payment_key: payment.payment_key.clone(),
            r#type: if payment.brandpay_customer_key.is_some() { "BRANDPAY" } else { "NORMAL" },
            order_id: payment.order_id.clone(),
            order_name: if is_expired { String::new() } else { payment.order_name.clone() },
            m_id: payment.merchant.m_id.clone(),
            currency: "KRW",
            method: has_method.then(|| payment.method.display(language)),
            total_amount: payment.amount,
            balance_amount: payment.balance(),
            status: payment.status,
            requested_at: payment.requested_at.to_kst(),
            approved_at: approval.and_then(|approval| approval.at).map(Moment::to_kst),
            use_escrow: is_approved.then_some(payment.escrow),
            transaction_key: last_transaction_key.clone(),
            last_transaction_key,
            supplied_amount: taxed.saturating_sub(vat),
            vat,
            tax_free_amount: payment.tax_free_left(),
            tax_exemption_amount: payment.tax_exemption_left(),
            culture_expense: false,
            is_partial_cancelable: payment.is_partial_cancelable(),
            cancels: (!payment.cancels.is_empty())
                .then(|| payment.cancels.iter().map(cancel_view).collect()),
            card: card_view(payment, language),
            virtual_account: virtual_account_view(payment, rendering),
            transfer: has_family(payment, Family::Transfer)
                .then_some(TransferView { bank_code: "92", settlement_status: UNSETTLED }),
            mobile_phone: mobile_phone_view(payment, origin),
            gift_certificate: has_family(payment, Family::GiftCertificate).then_some(
                GiftCertificateView { approve_no: TEST_APPROVE_NO, settlement_status: UNSETTLED },
            ),
            easy_pay: easy_pay_view(payment, rendering),
            foreign_easy_pay: None,
            easy_pay_amount: has_family(payment, Family::EasyPay).then_some(wallets_own(payment)),
            easy_pay_discount_amount: has_family(payment, Family::EasyPay).then_some(0),
            secret: is_approved.then(|| payment.secret.clone()),
            cash_receipt: payment.cash_receipt_view(origin),
            cash_receipts: payment.cash_receipts_view(origin),
            discount: None,
            failure: payment.failure.as_ref().map(|failure| FailureView {
                code: failure.code.clone(),
                message: language.pick(&failure.korean, &failure.english).clone(),
            }),
            receipt: is_approved.then(|| url("receipt")),
            checkout: is_approved.then(|| url("checkout")),
            country: "KR",
            metadata: payment.metadata.clone(),
        }
    }

    /// The same payment as if it were another order's: what a caller must never take for its own.
    pub(crate) fn of_another_order(payment: &Payment, rendering: Rendering<'_>) -> PaymentView {
        let mut view = PaymentView::of(payment, rendering);
        view.payment_key = format!("{}-other", payment.payment_key);
        view.order_id = "another-order-000001".to_owned();
        view.total_amount = view.total_amount.saturating_add(1_000);
        view.balance_amount = view.balance_amount.saturating_add(1_000);
        view
    }
}

/// What Toss may do any day without a new version: more fields, more values of an enumeration; `merge` comes on top.
pub(crate) fn add_unknown_values(payment: &mut Value, merge: &Map<String, Value>) {
    let Some(fields) = payment.as_object_mut() else { return };
    fields.insert("futureField".to_owned(), json!({"nested": [1, "two", null], "amount": 0.5}));
    fields.insert("type".to_owned(), json!("FUTURE_TYPE"));
    fields.insert("method".to_owned(), json!("미래결제"));
    if let Some(card) = fields.get_mut("card").and_then(Value::as_object_mut) {
        card.insert("acquireStatus".to_owned(), json!("FUTURE_STATUS"));
        card.insert("futureField".to_owned(), json!(true));
    }
    fields.extend(merge.iter().map(|(name, value)| (name.clone(), value.clone())));
}

fn has_family(payment: &Payment, family: Family) -> bool {
    payment.approval.is_some() && payment.method.family() == family
}

fn last_transaction_key(payment: &Payment) -> Option<String> {
    let of_cancel = payment.cancels.last().map(|cancel| &cancel.transaction_key);
    let of_approval = payment.approval.as_ref().map(|approval| &approval.transaction_key);
    of_cancel.or(of_approval).cloned()
}

fn cancel_view(cancel: &Cancel) -> CancelView {
    CancelView {
        transaction_key: cancel.transaction_key.clone(),
        cancel_reason: cancel.reason.clone(),
        tax_exemption_amount: cancel.tax_exemption,
        canceled_at: cancel.at.to_kst(),
        card_discount_amount: 0,
        transfer_discount_amount: 0,
        easy_pay_discount_amount: 0,
        receipt_key: None,
        cancel_amount: cancel.amount,
        tax_free_amount: cancel.tax_free,
        refundable_amount: cancel.refundable_after,
        cancel_status: "DONE",
        cancel_request_id: None,
    }
}

/// The card that paid, by itself or inside of a wallet. Source: Toss, `card` is filled in both cases.
fn card_view(payment: &Payment, language: Language) -> Option<CardView> {
    let is_inside = payment.wallet_card && has_family(payment, Family::EasyPay);
    (is_inside || has_family(payment, Family::Card)).then(|| CardView {
        amount: payment.amount,
        issuer_code: "61",
        acquirer_code: "31",
        number: "12345678****000*",
        installment_plan_months: 0,
        approve_no: TEST_APPROVE_NO,
        use_card_point: false,
        card_type: language.pick("신용", "Credit"),
        owner_type: language.pick("개인", "Personal"),
        acquire_status: if payment.status == Status::Canceled { "CANCELED" } else { "READY" },
        is_interest_free: false,
        interest_payer: None,
    })
}

/// What an easy-pay wallet paid from its own money: all of it, or nothing if a card inside of it paid.
fn easy_pay_view(payment: &Payment, rendering: Rendering<'_>) -> Option<EasyPayView> {
    let by_code = rendering.provider_codes || rendering.language == Language::English;
    let title = payment.method.title(rendering.language);
    has_family(payment, Family::EasyPay).then(|| EasyPayView {
        provider: if by_code { payment.method.name() } else { title },
        amount: wallets_own(payment),
        discount_amount: 0,
    })
}

/// What a wallet paid from its own money, in won.
fn wallets_own(payment: &Payment) -> i64 {
    if payment.wallet_card { 0 } else { payment.amount }
}

fn mobile_phone_view(payment: &Payment, origin: &str) -> Option<MobilePhoneView> {
    has_family(payment, Family::MobilePhone).then(|| MobilePhoneView {
        customer_mobile_phone: payment
            .customer
            .mobile_phone
            .clone()
            .unwrap_or_else(|| "01000000000".to_owned()),
        settlement_status: UNSETTLED,
        receipt_url: format!("{origin}/receipt/{}", payment.payment_key),
    })
}

fn virtual_account_view(payment: &Payment, rendering: Rendering<'_>) -> Option<VirtualAccountView> {
    let account = payment.account.as_ref()?;
    let Rendering { now, language, .. } = rendering;
    let is_waiting = payment.status == Status::WaitingForDeposit;
    let is_readable = now.ms_since(payment.requested_at) < REFUND_ACCOUNT_READABLE_MS;
    let refund_to = account.refund_to.as_ref().filter(|_| is_readable);
    Some(VirtualAccountView {
        account_type: language.pick("일반", "Normal"),
        account_number: account.number.clone(),
        bank_code: account.bank_code.clone(),
        customer_name: payment.customer.name.clone().unwrap_or_default(),
        depositor_name: account.depositor.clone(),
        due_date: account.due_at.to_kst(),
        refund_status: refund_status(payment, now),
        expired: is_waiting && now > account.due_at,
        settlement_status: UNSETTLED,
        refund_receive_account: refund_to.map(|account| RefundAccountView {
            bank_code: account.bank_code.clone(),
            account_number: account.account_number.clone(),
            holder_name: account.holder_name.clone(),
        }),
    })
}

fn refund_status(payment: &Payment, now: Moment) -> &'static str {
    let decided = payment.account.as_ref().and_then(|account| account.refund_outcome);
    if let Some(outcome) = decided {
        return outcome.name();
    }
    match payment.cancels.last().filter(|_| payment.is_deposited()) {
        None => "NONE",
        Some(last) if now.ms_since(last.at) < REFUND_CREDIT_MS => "PENDING",
        Some(_) => "COMPLETED",
    }
}
