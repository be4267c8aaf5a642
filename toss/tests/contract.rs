//! The client against the simulator over real HTTP: the two read Toss's documents independently, and here they have to agree. Every
//! fault that the simulator can script comes back as the class that tells the truth about the simulator's ledger.

#[path = "contract/transactions.rs"]
mod transactions;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Won;
use domain::answer::{Answer, FailureClass, TossPayment, TossStatus};
use domain::attempt;
use simulator::{
    Config, FaultKind, FaultRequest, Handle, LedgerEntry, MerchantKeys, Method, NewPayment,
    Operation, Simulator,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use toss::codes::{find_rule, rules_of, rules_of_every_call};
use toss::{CallResult, CancelCall, ConfirmCall, RefundAccount, SecretKey, TossClient, TossConfig};

const KEY: &str = "test_sk_contract";
const AMOUNT: i64 = 15_000;

/// A running simulator and a client of it. The simulator stops when this is dropped.
struct Toss {
    client: TossClient,
    handle: Handle,
    address: String,
    numbers: AtomicU64,
    _running: DropGuard,
}

/// An authenticated payment in the simulator.
struct Paid {
    payment_key: String,
    order_id: String,
}

impl Toss {
    async fn start() -> Toss {
        Toss::start_with(Config { consecutive_cancel_pause: Duration::ZERO, ..Config::default() })
            .await
    }

    async fn start_with(config: Config) -> Toss {
        // Another test of this process may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let simulator = Simulator::new(config).unwrap();
        let handle = simulator.handle();
        let stop = CancellationToken::new();
        tokio::spawn(simulator::serve(listener, simulator, stop.clone()));
        let client = client_of(&address, KEY);
        Toss { client, handle, address, numbers: AtomicU64::new(1), _running: stop.drop_guard() }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    fn authenticate(&self, method: Method) -> Paid {
        let order_id = format!("order-{:04}", self.number());
        let new = NewPayment {
            method: Some(method),
            ..NewPayment::new(&order_id, "마라탕 외 2건", AMOUNT)
        };
        let payment_key = self.handle.create_payment(KEY, new).unwrap().payment_key;
        Paid { payment_key, order_id }
    }

    async fn confirm(&self, paid: &Paid) -> CallResult {
        self.confirm_under(paid, &format!("confirm-{}", self.number())).await
    }

    async fn confirm_under(&self, paid: &Paid, idempotency_key: &str) -> CallResult {
        let call = ConfirmCall {
            customer_key: None,
            payment_key: &paid.payment_key,
            order_id: &paid.order_id,
            amount: won(AMOUNT),
            idempotency_key,
        };
        self.client.confirm(&call).await
    }

    async fn cancel(&self, paid: &Paid, amount: Option<i64>, left: i64) -> CallResult {
        let idempotency_key = format!("cancel-{}", self.number());
        let call = CancelCall {
            tax_free_amount: None,
            payment_key: &paid.payment_key,
            reason: "고객 변심 [0123456789ab]",
            amount: amount.map(won),
            refundable_amount: won(left),
            refund_account: None,
            idempotency_key: &idempotency_key,
        };
        self.client.cancel(&call).await
    }

    fn truth(&self, paid: &Paid) -> LedgerEntry {
        self.handle.ledger_of(&paid.payment_key).unwrap()
    }

    fn script(&self, fault: FaultRequest) {
        self.handle.add_fault(fault).unwrap();
    }
}

fn client_of(address: &str, key: &str) -> TossClient {
    let call_deadline = Duration::from_secs(5);
    let config = TossConfig::new(address, SecretKey::parse(key).unwrap());
    TossClient::new(TossConfig { call_deadline, ..config }).unwrap()
}

fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

fn payment(result: &CallResult) -> &TossPayment {
    match &result.answer {
        Answer::Payment(payment) => payment,
        Answer::Failure(failure) => panic!("no payment: {failure:?}"),
    }
}

fn failed(result: &CallResult) -> (FailureClass, &str) {
    match &result.answer {
        Answer::Failure(failure) => (failure.class, failure.code.as_str()),
        Answer::Payment(payment) => panic!("read as a payment: {payment:?}"),
    }
}

#[tokio::test]
async fn a_payment_goes_from_confirm_over_look_ups_to_two_cancels() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);

    let confirmed = toss.confirm(&paid).await;
    let told = payment(&confirmed);
    assert_eq!((&told.payment_key, &told.order_id), (&paid.payment_key, &paid.order_id));
    assert_eq!(
        (&told.status, told.total, told.balance),
        (&TossStatus::Done, won(AMOUNT), won(AMOUNT))
    );
    assert_eq!((told.currency.as_str(), told.method.as_deref()), ("KRW", Some("카드")));
    assert!(
        told.approved_at_ms.is_some()
            && told.last_transaction_key.is_some()
            && told.receipt_url.is_some()
    );
    assert_eq!(told.cancels, vec![]);
    assert_eq!(confirmed.http_status, Some(200));
    assert!(confirmed.trace_id.is_some());

    for looked_up in [
        toss.client.look_up(&paid.payment_key).await,
        toss.client.look_up_by_order(&paid.order_id).await,
    ] {
        assert_eq!(payment(&looked_up), told);
    }

    let part = toss.cancel(&paid, Some(4_000), AMOUNT).await;
    assert_eq!(
        (&payment(&part).status, payment(&part).balance),
        (&TossStatus::PartialCanceled, won(11_000))
    );
    let [cancel] = payment(&part).cancels.as_slice() else { panic!("one cancel") };
    assert_eq!(
        (cancel.amount, cancel.reason.as_str(), cancel.is_done),
        (won(4_000), "고객 변심 [0123456789ab]", true)
    );
    assert!(cancel.cancelled_at_ms.is_some());
    assert_eq!(payment(&part).last_transaction_key.as_ref(), Some(&cancel.transaction_key));

    let rest = toss.cancel(&paid, None, 11_000).await;
    assert_eq!((payment(&rest).balance, payment(&rest).cancels.len()), (Won::ZERO, 2));
    let truth = toss.truth(&paid);
    assert_eq!((truth.charged, truth.refunds), (AMOUNT, vec![4_000, 11_000]));
}

#[tokio::test]
async fn what_is_kept_of_an_answer_is_json_without_the_payment_key_and_the_secret() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::VirtualAccount);
    let result = toss.confirm(&paid).await;
    let told = payment(&result);
    let mut kept: serde_json::Value =
        serde_json::from_str(result.body.as_deref().unwrap()).unwrap();
    // Toss's receipt address holds the key; customers are sent there, so it stays.
    let receipt = kept["receipt"].take();
    assert_eq!(receipt["url"].as_str(), told.receipt_url.as_deref());
    let kept = kept.to_string();
    let account = told.virtual_account.as_ref().unwrap();
    for hidden in [&paid.payment_key, told.secret.as_ref().unwrap(), &account.account_number] {
        assert!(!kept.contains(hidden.as_str()), "{hidden} in {kept}");
    }
}

#[tokio::test]
async fn an_issued_account_awaits_its_deposit_and_is_refunded_to_an_account() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::VirtualAccount);
    let issued = toss.confirm(&paid).await;
    let told = payment(&issued);
    assert_eq!((&told.status, told.approved_at_ms), (&TossStatus::WaitingForDeposit, None));
    assert!(told.virtual_account.as_ref().unwrap().due_at_ms.is_some());

    let early = toss.cancel(&paid, Some(1_000), AMOUNT).await;
    assert_eq!(
        failed(&early),
        (FailureClass::Refused, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
    );
    toss.handle.deposit(&paid.payment_key).unwrap();
    let account =
        RefundAccount { bank: "20", account_number: "1234567890", holder_name: "김토스" };
    let call = CancelCall {
        tax_free_amount: None,
        payment_key: &paid.payment_key,
        reason: "변심",
        amount: None,
        refundable_amount: won(AMOUNT),
        refund_account: Some(account),
        idempotency_key: "to-account",
    };
    assert_eq!(payment(&toss.client.cancel(&call).await).status, TossStatus::Canceled);
}

#[tokio::test]
async fn a_deposit_that_the_bank_takes_back_is_awaited_again() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::VirtualAccount);
    let issued = toss.confirm(&paid).await;
    let secret = payment(&issued).secret.clone();
    assert!(secret.is_some());
    toss.handle.deposit(&paid.payment_key).unwrap();
    let deposited = toss.client.look_up(&paid.payment_key).await;
    assert_eq!(payment(&deposited).status, TossStatus::Done);
    assert!(payment(&deposited).approved_at_ms.is_some());
    assert_ne!(
        payment(&deposited).last_transaction_key,
        payment(&issued).last_transaction_key,
        "a deposit has a key of its own"
    );
    toss.handle.reverse_deposit(&paid.payment_key).unwrap();
    let reversed = toss.client.look_up(&paid.payment_key).await;
    let told = payment(&reversed);
    assert_eq!((&told.status, told.approved_at_ms), (&TossStatus::WaitingForDeposit, None));
    assert_eq!((&told.secret, toss.truth(&paid).charged), (&secret, 0));
}

#[tokio::test]
async fn a_key_that_was_replaced_sees_the_same_payments_and_a_revoked_one_is_the_merchants_trouble()
{
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    toss.confirm(&paid).await;
    let keys = MerchantKeys {
        m_id: None,
        secret_keys: vec![KEY.to_owned(), "test_sk_successor".to_owned()],
        client_keys: vec![],
    };
    toss.handle.add_merchant(&keys).unwrap();
    let successor = client_of(&toss.address, "test_sk_successor");
    assert_eq!(payment(&successor.look_up(&paid.payment_key).await).status, TossStatus::Done);
    toss.handle.revoke_key(KEY).unwrap();
    let refused = toss.client.look_up(&paid.payment_key).await;
    assert_eq!(failed(&refused), (FailureClass::Broken, "UNAUTHORIZED_KEY"));
}

#[tokio::test]
async fn everything_of_the_future_at_once_does_not_disturb_either() {
    let toss = Toss::start().await;
    toss.handle.switch(|settings| settings.unknown_values = true).unwrap();
    let paid = toss.authenticate(Method::Card);
    assert_eq!(payment(&toss.confirm(&paid).await).status, TossStatus::Done);
    let part = toss.cancel(&paid, Some(1_000), AMOUNT).await;
    assert_eq!(payment(&part).balance, won(14_000));
    let looked_up = toss.client.look_up_by_order(&paid.order_id).await;
    assert_eq!(payment(&looked_up).cancels.len(), 1);
}

#[tokio::test]
async fn calls_beyond_tosss_limit_are_throttled() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    toss.handle.switch(|settings| settings.calls_per_minute = Some(0)).unwrap();
    let refused = toss.client.look_up(&paid.payment_key).await;
    assert_eq!(failed(&refused).0, FailureClass::Throttled);
}

#[tokio::test]
async fn a_repeated_key_brings_the_first_answer_and_no_second_charge() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    let first = toss.confirm_under(&paid, "same").await;
    let again = toss.confirm_under(&paid, "same").await;
    assert_eq!(payment(&first), payment(&again));
    assert_eq!(toss.truth(&paid).charges, 1);
    let other_key = toss.confirm_under(&paid, "other").await;
    assert_eq!(failed(&other_key), (FailureClass::Contradictory, "ALREADY_PROCESSED_PAYMENT"));
}

#[tokio::test]
async fn every_code_of_our_tables_arrives_with_its_status_and_class() {
    let toss = Toss::start().await;
    for operation in
        [attempt::Operation::Confirm, attempt::Operation::Cancel, attempt::Operation::LookUp]
    {
        for rule in rules_of(operation).iter().chain(rules_of_every_call()) {
            let paid = toss.authenticate(Method::Card);
            let by_simulator = match operation {
                attempt::Operation::Confirm => Operation::Confirm,
                attempt::Operation::Cancel => Operation::Cancel,
                attempt::Operation::LookUp => Operation::LookUp,
            };
            let fault =
                FaultRequest::for_order(&paid.order_id, by_simulator, FaultKind::AnswerCode);
            toss.script(fault.with_code(rule.code));
            let result = match operation {
                attempt::Operation::Confirm => toss.confirm(&paid).await,
                attempt::Operation::Cancel => toss.cancel(&paid, None, AMOUNT).await,
                attempt::Operation::LookUp => toss.client.look_up(&paid.payment_key).await,
            };
            let class = find_rule(operation, rule.code).unwrap().class;
            assert_eq!(failed(&result), (class, rule.code), "{}", operation.word());
            assert_eq!(result.http_status, Some(rule.http_status), "{}", rule.code);
        }
    }
}

#[tokio::test]
async fn every_fault_of_a_confirm_is_the_class_that_the_ledger_bears_out() {
    let toss = Toss::start().await;
    // Fault, class, code, how often the money was taken.
    for (kind, class, code, charges) in [
        (FaultKind::CutBefore, FailureClass::Unanswered, "NO_ANSWER", 0),
        (FaultKind::CutAfter, FailureClass::Unanswered, "NO_ANSWER", 1),
        (
            FaultKind::ServerErrorBefore,
            FailureClass::Ambiguous,
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            0,
        ),
        (
            FaultKind::ServerErrorAfter,
            FailureClass::Ambiguous,
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            1,
        ),
        (FaultKind::InProgress, FailureClass::InProgress, "IDEMPOTENT_REQUEST_PROCESSING", 0),
        (FaultKind::Unreadable, FailureClass::Contradictory, "UNREADABLE_ANSWER", 1),
        (FaultKind::UnreadableBefore, FailureClass::Contradictory, "UNREADABLE_ANSWER", 0),
        (FaultKind::Throttle, FailureClass::Throttled, "TOO_MANY_REQUESTS", 0),
        (FaultKind::Unauthorized, FailureClass::Broken, "UNAUTHORIZED_KEY", 0),
    ] {
        let paid = toss.authenticate(Method::Card);
        toss.script(FaultRequest::for_order(&paid.order_id, Operation::Confirm, kind));
        let result = toss.confirm(&paid).await;
        assert_eq!(failed(&result), (class, code), "{kind:?}");
        assert_eq!(toss.truth(&paid).charges, charges, "{kind:?}");
        assert_eq!(toss.truth(&paid).calls.confirm, 1, "{kind:?} made the client send again");
    }
}

#[tokio::test]
async fn a_decline_is_refused_and_a_look_up_tells_the_same() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    let fault = FaultRequest::for_order(&paid.order_id, Operation::Confirm, FaultKind::Decline);
    toss.script(fault.with_code("REJECT_CARD_COMPANY"));
    assert_eq!(failed(&toss.confirm(&paid).await), (FailureClass::Refused, "REJECT_CARD_COMPANY"));
    let looked_up = toss.client.look_up(&paid.payment_key).await;
    assert_eq!(payment(&looked_up).status, TossStatus::Aborted);
    assert_eq!(payment(&looked_up).failure.as_ref().unwrap().code, "REJECT_CARD_COMPANY");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_unanswered_though_the_money_was_taken() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    let fault = FaultRequest::for_order(&paid.order_id, Operation::Confirm, FaultKind::DelayAfter);
    toss.script(fault.with_ms(5_000));
    let config = TossConfig::new(&toss.address, SecretKey::parse(KEY).unwrap());
    let connect_timeout = Duration::from_millis(200);
    let hasty = TossClient::new(TossConfig {
        call_deadline: Duration::from_millis(400),
        connect_timeout,
        ..config
    })
    .unwrap();
    let call = ConfirmCall {
        customer_key: None,
        payment_key: &paid.payment_key,
        order_id: &paid.order_id,
        amount: won(AMOUNT),
        idempotency_key: "late",
    };
    let result = hasty.confirm(&call).await;
    assert_eq!(failed(&result), (FailureClass::Unanswered, "NO_ANSWER"));
    assert!((300..3_000).contains(&result.duration_ms), "{}", result.duration_ms);
    assert_eq!(toss.truth(&paid).charges, 1);
}

#[tokio::test]
async fn fields_and_values_of_the_future_do_not_disturb() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    toss.script(FaultRequest::for_order(
        &paid.order_id,
        Operation::Confirm,
        FaultKind::UnknownValues,
    ));
    let result = toss.confirm(&paid).await;
    assert_eq!((&payment(&result).order_id, payment(&result).total), (&paid.order_id, won(AMOUNT)));
}

#[tokio::test]
async fn another_orders_payment_is_shown_as_it_came_for_the_policy_to_notice() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    toss.script(FaultRequest::for_order(
        &paid.order_id,
        Operation::Confirm,
        FaultKind::WrongPayment,
    ));
    let result = toss.confirm(&paid).await;
    assert_ne!(payment(&result).order_id, paid.order_id);
}

#[tokio::test]
async fn what_this_key_does_not_own_is_absent() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    let stranger = client_of(&toss.address, "test_gsk_stranger");
    assert_eq!(
        failed(&stranger.look_up(&paid.payment_key).await),
        (FailureClass::Absent, "NOT_FOUND_PAYMENT")
    );
    for key in ["no-such-key", "a/b?c#d%", "orders"] {
        assert_eq!(failed(&toss.client.look_up(key).await).0, FailureClass::Absent, "{key}");
    }
    // Not approved yet: only the payment key finds it.
    assert_eq!(failed(&toss.client.look_up_by_order(&paid.order_id).await).0, FailureClass::Absent);
    assert_eq!(
        payment(&toss.client.look_up(&paid.payment_key).await).status,
        TossStatus::InProgress
    );
}

#[tokio::test]
async fn a_confirm_after_the_ten_minutes_is_refused() {
    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    toss.handle.advance_clock(Duration::from_secs(11 * 60)).unwrap();
    assert_eq!(
        failed(&toss.confirm(&paid).await),
        (FailureClass::Refused, "NOT_FOUND_PAYMENT_SESSION")
    );
    let looked_up = toss.client.look_up(&paid.payment_key).await;
    assert_eq!(
        (&payment(&looked_up).status, &payment(&looked_up).method),
        (&TossStatus::Expired, &None)
    );
}

#[tokio::test]
async fn the_refusals_of_a_cancel_keep_their_classes() {
    let toss = Toss::start_with(Config::default()).await;
    let paid = toss.authenticate(Method::Card);
    toss.confirm(&paid).await;
    let wrong_lock = toss.cancel(&paid, Some(1_000), 14_000).await;
    assert_eq!(failed(&wrong_lock), (FailureClass::Contradictory, "NOT_MATCHES_REFUNDABLE_AMOUNT"));
    payment(&toss.cancel(&paid, Some(1_000), AMOUNT).await);
    let too_soon = toss.cancel(&paid, Some(1_000), 14_000).await;
    assert_eq!(failed(&too_soon), (FailureClass::Limited, "FORBIDDEN_CONSECUTIVE_REQUEST"));

    let toss = Toss::start().await;
    let paid = toss.authenticate(Method::Card);
    toss.confirm(&paid).await;
    let too_much = toss.cancel(&paid, Some(AMOUNT + 1), AMOUNT).await;
    assert_eq!(failed(&too_much), (FailureClass::Disputed, "NOT_CANCELABLE_AMOUNT"));
    payment(&toss.cancel(&paid, None, AMOUNT).await);
    let again = toss.cancel(&paid, None, 0).await;
    assert_eq!(failed(&again), (FailureClass::Contradictory, "ALREADY_CANCELED_PAYMENT"));
}
