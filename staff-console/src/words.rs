//! The texts of the pages, in Korean and English. A text without a translation does not compile.

pub(crate) mod happenings;
pub(crate) mod states;

use api::Text;

macro_rules! texts {
    ($($name:ident: $ko:literal, $en:literal;)*) => {
        $(pub(crate) const $name: Text = Text { ko: $ko, en: $en };)*
    };
}

texts! {
    CONSOLE: "결제 콘솔", "Payment console";
    OVERVIEW: "현황", "Overview";
    SKIP: "본문으로 건너뛰기", "Skip to content";
    MENU: "메뉴", "Menu";

    MODE_SIMULATOR: "시뮬레이터 · 실제 돈은 움직이지 않습니다", "Simulator · no money moves";
    MODE_TEST: "테스트 키 · 실제 돈은 움직이지 않습니다", "Test keys · no money moves";
    MODE_LIVE: "운영 · 실제 돈이 움직입니다", "Live · money moves";

    ROLE_OWNER: "사장", "Owner";
    ROLE_MANAGER: "매니저", "Manager";
    ROLE_MASTER: "마스터", "Master";

    SIGN_IN: "로그인", "Sign in";
    SIGN_IN_LEAD: "직원 계정으로 로그인하세요.", "Sign in with your staff account.";
    SIGN_OUT: "로그아웃", "Sign out";
    LOGIN: "아이디", "Login";
    PASSWORD: "비밀번호", "Password";
    SIGN_IN_WRONG: "아이디 또는 비밀번호가 맞지 않습니다.", "The login or the password is not right.";
    SIGN_IN_LOCKED: "시도가 너무 많았습니다. 아래 시간이 지난 뒤 다시 시도하세요: ", "Too many tries. Wait this long, then try again: ";
    SIGN_IN_FAST: "이 주소에서 시도가 너무 많습니다. 1분 뒤 다시 시도하세요.", "Too many tries from this address. Try again in a minute.";
    SIGN_IN_HELP: "비밀번호는 서버에서 seungin staff passwd 명령으로 정합니다.", "Passwords are set at the server by seungin staff passwd.";
    SIGNED_OUT: "로그아웃되었습니다.", "You are signed out.";

    PARKED_JOBS: "멈춘 작업", "Parked jobs";
    IN_REVIEW: "검토할 결제", "Payments to review";
    FINDINGS: "대사 차이", "Findings";
    FINDINGS_ACTION: "차이를 확인하고 처리한 뒤 닫으세요.", "See what differs, deal with it, then close it.";
    NEEDS_PERSON: "사람이 봐야 할 것", "Needs a person";
    NEEDS_NOBODY: "지금은 사람이 볼 것이 없습니다.", "Nothing needs a person right now.";
    WORK: "작업", "Work";
    OLDEST_WAITING: "가장 오래 기다린 작업", "Waiting longest";
    NOTHING_WAITS: "기다리는 작업 없음", "Nothing waits";
    IN_FLIGHT: "처리 중", "In flight";
    QUEUED: "대기열", "In the queue";
    SCHEDULED: "예약됨", "Scheduled";
    UNPUBLISHED: "발행 전", "Not published";
    LAST_HOUR: "지난 1시간", "Last hour";
    LAST_DAY: "지난 24시간", "Last day";
    SUCCEEDED: "성공", "Succeeded";
    FAILED: "실패", "Failed";
    SUCCESS_RATIO: "성공률", "Success";
    NOTHING_ENDED: "끝난 작업 없음", "Nothing ended";
    AT_LEAST: "집계 중이라 실제로는 더 많습니다.", "Still being counted: there are more.";
    FAILURES_BY_CODE: "코드별 실패 (24시간)", "Failures by code (last day)";
    CODE: "코드", "Code";
    KIND: "종류", "Kind";
    COUNT: "건수", "Count";
    MERCHANTS: "상점별 토스 호출", "Calls to Toss by merchant";
    MERCHANT: "상점", "Merchant";
    BREAKER: "차단기", "Breaker";
    BREAKER_OPEN: "열림", "Open";
    BREAKER_CLOSED: "정상", "Closed";
    PAUSED: "멈춤", "Paused";
    OPERATION: "호출", "Call";
    CALLS: "횟수", "Calls";
    WORKERS: "워커", "Workers";
    WORKER_ALIVE: "작동 중", "Alive";
    WORKER_STOPPING: "멈추는 중", "Stopping";
    WORKER_LOST: "응답 없음", "Lost";
    HOST: "호스트", "Host";
    VERSION: "버전", "Version";
    LOAD: "부하", "Load";
    SEEN: "마지막 신호", "Last seen";
    NO_WORKERS: "작동하는 워커가 없습니다. 결제가 처리되지 않습니다.", "No worker runs: payments are not worked on.";
    PAUSE_LIVE: "새로고침 멈춤", "Pause updates";
    RESUME_LIVE: "새로고침 계속", "Resume updates";
    AGO: "전", "ago";

    JOBS: "작업", "Jobs";
    ORDERS: "주문", "Orders";
    ORDER: "주문", "Order";
    PAYMENT: "결제", "Payment";
    CUSTOMER: "고객", "Customer";
    AMOUNT: "금액", "Amount";
    LEFT: "취소 가능 금액", "Can be cancelled";
    METHOD: "결제 수단", "Method";
    RECEIPT: "영수증", "Receipt";
    RECEIPT_OPEN: "토스 영수증 열기", "Open Toss's receipt";
    DELIVERY_FEE: "배달비", "Delivery fee";
    CANCELS: "취소", "Cancellations";
    TIMELINE: "진행 기록", "Timeline";
    RAW: "보낸 것과 받은 것", "What was sent and received";
    MADE: "접수", "Made";
    CHANGED: "변경", "Changed";
    STATE: "상태", "State";
    STORE: "매장", "Store";
    CLASS: "분류", "Class";
    SORT: "정렬", "Sort";
    FROM: "시작일", "From";
    TO: "종료일", "To";
    AMOUNT_MIN: "최소 금액", "Amount from";
    AMOUNT_MAX: "최대 금액", "Amount to";
    ALL: "전체", "All";
    APPLY: "적용", "Apply";
    CLEAR: "초기화", "Clear";
    MORE_FILTERS: "필터 더 보기", "More filters";
    SEARCH: "검색", "Search";
    SEARCH_HINT: "주문번호, paymentKey, 전화번호 끝자리, 이름", "Order id, payment key, end of phone, name";
    BY_CODE: "코드별", "By code";
    GROUPS_CUT: "오래된 작업은 세지 않았습니다.", "Older jobs were not counted.";
    NO_JOBS: "해당하는 작업이 없습니다.", "There are no such jobs.";
    NO_ORDERS: "해당하는 주문이 없습니다.", "There are no such orders.";
    FIRST_PAGE: "처음으로", "First page";
    NEXT_PAGE: "다음", "Next";

    NOT_FOUND: "그런 페이지가 없습니다.", "There is no such page.";
    NOT_FOUND_NEXT: "주소를 확인하거나 현황으로 돌아가세요.", "Check the address, or go back to the overview.";
    FORBIDDEN: "이 요청을 받아들일 수 없습니다.", "This request cannot be accepted.";
    FORBIDDEN_NEXT: "페이지를 새로 연 뒤 다시 시도하세요.", "Open the page again, then try once more.";
    UNAVAILABLE: "지금은 데이터베이스에 연결할 수 없습니다.", "The database cannot be reached right now.";
    UNAVAILABLE_NEXT: "잠시 뒤 다시 시도하세요. 결제는 계속 처리됩니다.", "Try again in a moment. Payments go on.";
    BACK_TO_OVERVIEW: "현황으로", "To the overview";
}
