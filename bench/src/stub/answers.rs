//! The stub's answers as text, written by hand: making a tree of JSON first would cost more than all the rest of an answer.

use serde_json::Value;

/// What goes back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// A payment whose money was taken.
#[derive(Debug)]
pub(super) struct Payment {
    pub(super) key: String,
    pub(super) order_id: String,
    pub(super) total: u64,
    pub(super) balance: u64,
    pub(super) cancels: Vec<Cancel>,
}

/// Money that went back.
#[derive(Debug)]
pub(super) struct Cancel {
    /// Counted over all payments.
    pub(super) number: u64,
    pub(super) amount: u64,
    /// What was left afterwards.
    pub(super) left: u64,
    pub(super) reason: String,
}

impl Answer {
    pub(super) fn ok(body: String) -> Answer {
        Answer { status: 200, body }
    }

    /// A payment by card, as it is now.
    pub(super) fn of(payment: &Payment) -> Answer {
        Answer::ok(payment_text(payment))
    }

    pub(super) fn bad_request() -> Answer {
        Answer::failure(400, "INVALID_REQUEST", "잘못된 요청입니다.")
    }

    pub(super) fn unauthorized() -> Answer {
        Answer::failure(
            401,
            "UNAUTHORIZED_KEY",
            "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.",
        )
    }

    pub(super) fn refused() -> Answer {
        Answer::failure(403, "NOT_CANCELABLE_AMOUNT", "취소 할 수 없는 금액 입니다.")
    }

    pub(super) fn absent() -> Answer {
        Answer::failure(404, "NOT_FOUND_PAYMENT", "존재하지 않는 결제 입니다.")
    }

    fn failure(status: u16, code: &str, message: &str) -> Answer {
        Answer { status, body: format!(r#"{{"code":"{code}","message":"{message}"}}"#) }
    }
}

/// Every field of a card's payment, null where there is nothing. Source: Toss, Payment object, version 2022-11-16.
fn payment_text(payment: &Payment) -> String {
    let Payment { key, order_id, total, balance, cancels } = payment;
    let status = match (*balance, cancels.is_empty()) {
        (_, true) => "DONE",
        (0, false) => "CANCELED",
        (_, false) => "PARTIAL_CANCELED",
    };
    let (key, order_id) = (quoted(key), quoted(order_id));
    let vat = balance / 11;
    let supplied = balance - vat;
    let transaction = cancels.last().map_or(0, |cancel| cancel.number);
    let cancels = if cancels.is_empty() {
        "null".to_owned()
    } else {
        let texts: Vec<String> = cancels.iter().map(cancel_text).collect();
        format!("[{}]", texts.join(","))
    };
    format!(
        r#"{{"version":"2022-11-16","paymentKey":{key},"type":"NORMAL","orderId":{order_id},"orderName":"꿔바로우","mId":"tvivarepublica","currency":"KRW","method":"카드","totalAmount":{total},"balanceAmount":{balance},"status":"{status}","requestedAt":"2026-11-01T12:00:00+09:00","approvedAt":"2026-11-01T12:00:10+09:00","useEscrow":false,"lastTransactionKey":"txrd_bench_{transaction:020}","transactionKey":"txrd_bench_{transaction:020}","suppliedAmount":{supplied},"vat":{vat},"taxFreeAmount":0,"taxExemptionAmount":0,"cultureExpense":false,"isPartialCancelable":true,"cancels":{cancels},"card":{{"amount":{total},"issuerCode":"61","acquirerCode":"31","number":"12345678****789*","installmentPlanMonths":0,"approveNo":"00000000","useCardPoint":false,"cardType":"신용","ownerType":"개인","acquireStatus":"READY","isInterestFree":false,"interestPayer":null}},"virtualAccount":null,"transfer":null,"mobilePhone":null,"giftCertificate":null,"easyPay":null,"foreignEasyPay":null,"easyPayAmount":null,"easyPayDiscountAmount":null,"secret":"ps_bench0000000000000000000","cashReceipt":null,"cashReceipts":null,"discount":null,"failure":null,"receipt":{{"url":"https://dashboard.tosspayments.com/receipt/bench"}},"checkout":{{"url":"https://api.tosspayments.com/v1/payments/bench/checkout"}},"country":"KR","metadata":null}}"#
    )
}

fn cancel_text(cancel: &Cancel) -> String {
    let Cancel { number, amount, left, reason } = cancel;
    let reason = quoted(reason);
    format!(
        r#"{{"transactionKey":"txrd_bench_{number:020}","cancelReason":{reason},"taxExemptionAmount":0,"canceledAt":"2026-11-01T12:01:00+09:00","cardDiscountAmount":0,"transferDiscountAmount":0,"easyPayDiscountAmount":0,"receiptKey":null,"cancelAmount":{amount},"taxFreeAmount":0,"refundableAmount":{left},"cancelStatus":"DONE","cancelRequestId":null}}"#
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
