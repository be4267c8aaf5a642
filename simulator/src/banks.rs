//! Banks by their codes and names. Source: Toss, bank codes.

/// The bank of a virtual account for which nobody chose one.
pub(crate) const DEFAULT_CODE: &str = "20";

/// Code, Korean name, English name.
const BANKS: &[(&str, &str, &str)] = &[
    ("02", "산업", "KDBBANK"),
    ("03", "기업", "IBK"),
    ("06", "국민", "KOOKMIN"),
    ("07", "수협", "SUHYEOP"),
    ("11", "농협", "NONGHYEOP"),
    ("12", "단위농협", "LOCALNONGHYEOP"),
    ("20", "우리", "WOORI"),
    ("23", "SC제일", "SC"),
    ("27", "씨티", "CITI"),
    ("31", "대구", "DAEGUBANK"),
    ("32", "부산", "BUSANBANK"),
    ("34", "광주", "GWANGJUBANK"),
    ("35", "제주", "JEJUBANK"),
    ("37", "전북", "JEONBUKBANK"),
    ("39", "경남", "KYONGNAMBANK"),
    ("45", "새마을", "SAEMAUL"),
    ("48", "신협", "SHINHYEOP"),
    ("50", "저축", "SAVINGBANK"),
    ("54", "홍콩상하이", "HSBC"),
    ("64", "산림", "SANLIM"),
    ("71", "우체국", "POST"),
    ("81", "하나", "HANA"),
    ("88", "신한", "SHINHAN"),
    ("89", "케이", "KBANK"),
    ("90", "카카오", "KAKAOBANK"),
    ("92", "토스", "TOSSBANK"),
];

/// The code of a bank that is given by its code or by one of its names.
pub(crate) fn code_of(bank: &str) -> Option<&'static str> {
    let is_it = |(code, korean, english): &&(&str, &str, &str)| {
        *code == bank || *korean == bank || *english == bank
    };
    BANKS.iter().find(is_it).map(|(code, ..)| *code)
}
