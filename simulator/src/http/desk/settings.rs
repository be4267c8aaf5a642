//! Settings that hold for everybody, merchants with keys of their own, and the idempotency store.

use super::parts::{at, badge, card, code, field, form, switch, table};
use super::place::Place;
use crate::handle::Handle;
use crate::payment::confirm::MismatchCode;

const KEYS_SHOWN: usize = 100;

pub(super) fn view(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let settings = handle.settings();
    let switches = [
        switch(
            place,
            "store5xx",
            language.pick("5xx도 멱등키에 저장", "Keep 5xx under the idempotency key"),
            language.pick(
                "같은 키로 다시 보내면 같은 5xx를 받습니다.",
                "The same key gets the same 5xx again.",
            ),
            settings.store_5xx,
        ),
        switch(
            place,
            "unknownValues",
            language.pick("미래의 값", "Values of the future"),
            language.pick(
                "모든 답과 웹훅에 모르는 필드와 값이 섞입니다.",
                "Every answer and webhook has unknown fields and values.",
            ),
            settings.unknown_values,
        ),
        switch(
            place,
            "mismatchForbidden",
            language.pick("금액·주문이 다르면 403", "403 for another amount or order"),
            language
                .pick("끄면 400 INVALID_REQUEST입니다.", "When off, it is 400 INVALID_REQUEST."),
            settings.mismatch_code == MismatchCode::ForbiddenRequest,
        ),
        switch(
            place,
            "providerCodes",
            language.pick("간편결제사를 코드로", "Wallets by their codes"),
            language.pick(
                "한국어 답에서도 TOSSPAY처럼 씁니다.",
                "TOSSPAY and the like in Korean answers, too.",
            ),
            settings.provider_codes,
        ),
        switch(
            place,
            "negativeCancels",
            language.pick("거래 목록의 취소를 음수로", "Negative cancels in the transactions feed"),
            language.pick("끄면 양수입니다.", "When off, they are positive."),
            settings.negative_cancels,
        ),
        switch(
            place,
            "knownKeysOnly",
            language.pick("등록된 키만", "Known keys only"),
            language.pick(
                "가맹점에 등록되지 않은 키를 거절합니다.",
                "Keys that were given to no merchant are refused.",
            ),
            settings.known_keys_only,
        ),
    ];
    [
        card(language.pick("동작", "Behaviour"), &switches.concat()),
        card(
            language.pick("호출 제한", "Limit of calls"),
            &limit(place, settings.calls_per_minute),
        ),
        card(language.pick("가맹점과 키", "Merchants and keys"), &merchants(handle, place)),
    ]
    .concat()
}

fn limit(place: &Place, limit: Option<u32>) -> String {
    let language = place.language;
    let value = limit.map(|limit| limit.to_string()).unwrap_or_default();
    let label = language.pick(
        "키 하나가 같은 API를 1분에 부를 수 있는 횟수 (비우면 제한 없음, 토스 테스트는 100)",
        "Calls of one API by one key in a minute (none if empty; Toss's test environment: 100)",
    );
    let attributes = format!("type=\"number\" min=\"0\" value=\"{value}\"");
    let fields = field("callsPerMinute", label, &attributes);
    form(place, "limit", &fields, language.pick("바꾸기", "Change"))
}

fn merchants(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let heads = [
        language.pick("상점 아이디", "MID"),
        language.pick("쓸 수 있는 시크릿 키", "Valid secret keys"),
    ];
    let merchants = handle.merchants();
    let row = |(m_id, count): (&String, &usize)| vec![code(m_id), count.to_string()];
    let rows: Vec<Vec<String>> = merchants.iter().map(row).collect();
    let nothing = language.pick(
        "따로 등록하지 않은 테스트 키는 각각 하나의 가맹점입니다.",
        "A test key that was not given to anybody is a merchant of its own.",
    );
    let fields = [
        field(
            "mId",
            language.pick(
                "상점 아이디 (비우면 첫 키의 가맹점)",
                "MID (the first key's merchant if empty)",
            ),
            "maxlength=\"14\"",
        ),
        field(
            "secretKeys",
            language.pick("시크릿 키 (쉼표로 구분)", "Secret keys (separated by commas)"),
            "required autocomplete=\"off\" placeholder=\"test_sk_…\"",
        ),
        field(
            "clientKeys",
            language.pick("클라이언트 키 (쉼표로 구분)", "Client keys (separated by commas)"),
            "autocomplete=\"off\" placeholder=\"test_ck_…\"",
        ),
    ];
    let revoke = field(
        "secretKey",
        language.pick("시크릿 키", "Secret key"),
        "required autocomplete=\"off\" placeholder=\"test_sk_…\"",
    );
    format!(
        "{}{}{}",
        table(&heads, &rows, nothing),
        form(
            place,
            "add-merchant",
            &fields.concat(),
            language.pick("키 등록하기", "Give the keys")
        ),
        form(place, "revoke-key", &revoke, language.pick("키 폐기하기", "Revoke the key")),
    )
}

/// The idempotency store, newest first.
pub(super) fn keys_view(handle: &Handle, place: &Place) -> String {
    let language = place.language;
    let heads = [
        language.pick("멱등키", "Key"),
        language.pick("요청", "Request"),
        language.pick("저장된 답", "Kept answer"),
        language.pick("처음 쓴 때", "First used"),
        language.pick("유효 기한", "Valid until"),
    ];
    let row = |stored: crate::idempotency::StoredKey| {
        let status = match stored.status {
            Some(status) if status < 300 => badge("good", &status.to_string()),
            Some(status) => badge("bad", &status.to_string()),
            None => badge("open", language.pick("처리 중", "running")),
        };
        vec![
            code(&stored.key),
            code(&format!("{} {}", stored.method, stored.path)),
            status,
            at(&stored.first_used_at),
            at(&stored.valid_until),
        ]
    };
    let rows: Vec<Vec<String>> = handle.idempotency(KEYS_SHOWN).into_iter().map(row).collect();
    let nothing = language.pick("저장된 답이 없습니다.", "No answer is kept.");
    card(language.pick("멱등키 저장소", "Idempotency store"), &table(&heads, &rows, nothing))
}
