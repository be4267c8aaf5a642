//! The texts of the pages, in Korean and English. A text without a translation does not compile.

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

    NOT_FOUND: "그런 페이지가 없습니다.", "There is no such page.";
    NOT_FOUND_NEXT: "주소를 확인하거나 현황으로 돌아가세요.", "Check the address, or go back to the overview.";
    FORBIDDEN: "이 요청을 받아들일 수 없습니다.", "This request cannot be accepted.";
    FORBIDDEN_NEXT: "페이지를 새로 연 뒤 다시 시도하세요.", "Open the page again, then try once more.";
    UNAVAILABLE: "지금은 데이터베이스에 연결할 수 없습니다.", "The database cannot be reached right now.";
    UNAVAILABLE_NEXT: "잠시 뒤 다시 시도하세요. 결제는 계속 처리됩니다.", "Try again in a moment. Payments go on.";
    BACK_TO_OVERVIEW: "현황으로", "To the overview";
}
