//! What is secret stays secret, whatever the product is asked to tell: its settings, its health, its log at the loudest level.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::{self, exchange};
use crate::process::{PATIENCE, Place, Running};
use crate::server::Answering;

const EXAMPLE: &str = include_str!("../../../config/seungin.example.toml");
/// `token:`, as the bundled simulator's secret key goes over the wire.
const BASIC: &str = "dGVzdF9za19zZXVuZ2luX3NpbXVsYXRvcjo";
const LINE: &str = "FORGED LINE";

/// The variables of the keys that are secret, as the example says.
fn secret_variables() -> BTreeSet<&'static str> {
    let lines = EXAMPLE.lines().filter_map(|line| line.strip_prefix("# Variable: "));
    lines.filter_map(|line| line.strip_suffix(" (secret: also as …_FILE)")).collect()
}

#[test]
fn no_command_that_tells_of_its_settings_tells_a_secret() {
    let token_key = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2";
    let known = [
        (
            "SEUNGIN__DATABASE__URL, DATABASE_URL",
            "DATABASE_URL",
            "postgres://u:HUSH-db@127.0.0.1:9/x",
        ),
        ("SEUNGIN__QUEUE__URL, AMQP_URL", "AMQP_URL", "amqp://u:HUSH-mq@127.0.0.1:9/%2f"),
        ("SEUNGIN__TOSS__SECRET_KEY, TOSS_SECRET_KEY", "TOSS_SECRET_KEY", "test_sk_HUSHone"),
        ("SEUNGIN__SECURITY__TOKEN_KEY", "SEUNGIN__SECURITY__TOKEN_KEY", token_key),
        (
            "SEUNGIN__MERCHANTS__<MERCHANT>__KEYS__<NUMBER>__SECRET_KEY",
            "SEUNGIN__MERCHANTS__GANGNAM__KEYS__2__SECRET_KEY",
            "test_sk_HUSHtwo",
        ),
    ];
    let names: BTreeSet<&str> = known.iter().map(|(names, _, _)| *names).collect();
    assert_eq!(secret_variables(), names, "a new secret is to be tried here");
    // What each ends with when the configuration is right and no server is there: one that stops earlier has told nothing.
    let commands = [
        (&["config", "print"][..], 0),
        (&["config", "print", "--json"], 0),
        (&["config", "check"], 0),
        (&["doctor"], 1),
        (&["doctor", "--json"], 1),
        (&["healthcheck"], 1),
        (&["migrate"], 69),
        (&["staff", "list"], 69),
        (&["prune"], 69),
    ];
    let place = Place::new();
    let mut told = 0;
    std::thread::scope(|scope| {
        let ended = commands.map(|(arguments, code)| {
            let mut command = place.command(arguments);
            command.args(["--log", "trace"]).env("TOSS_CLIENT_KEY", "test_ck_one");
            command.env("SEUNGIN__MERCHANTS__GANGNAM__KEYS__2__CLIENT_KEY", "test_ck_two");
            command.envs(known.iter().map(|(_, name, value)| (name, value)));
            (arguments, code, scope.spawn(move || command.output().unwrap()))
        });
        for (arguments, code, ended) in ended {
            let output = ended.join().unwrap();
            let text = format!(
                "{}{}",
                String::from_utf8(output.stdout).unwrap(),
                String::from_utf8(output.stderr).unwrap()
            );
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
            assert!(!text.is_empty(), "{arguments:?} says something");
            told += text.len();
            assert!(!text.contains("HUSH") && !text.contains("5ec2e7"), "{text}");
        }
    });
    assert!(told > 5_000, "they say something: {told}");
}

#[test]
fn no_secret_is_given_on_a_command_line_where_everybody_on_the_machine_reads_it() {
    let place = Place::new();
    let mut left = vec![vec![]];
    let mut flags = BTreeSet::new();
    while let Some(command) = left.pop() {
        let help = place.run(&[&command[..], &["--help"]].concat()).expect(0).stdout;
        let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let words = words.filter(|word| word.starts_with("--"));
        let about = ["token", "secret", "password", "key", "url"];
        flags.extend(
            words.filter(|word| about.iter().any(|it| word.contains(it))).map(str::to_owned),
        );
        let Some((_, commands)) = help.split_once("Commands:\n") else { continue };
        let names = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
            let is_name = line.starts_with("  ") && !line.starts_with("   ");
            line.split_whitespace()
                .next()
                .filter(|name| is_name && *name != "help")
                .map(str::to_owned)
        });
        for name in names {
            let name: &'static str = name.leak();
            left.push([&command[..], &[name]].concat());
        }
    }
    // A trial's token, which a variable gives as well; the rest has no secret as its value.
    let known = [
        "--key-pair",
        "--password-stdin",
        "--public-url",
        "--staff-token",
        "--url",
        "--webhook-url",
    ];
    let unknown: Vec<&String> =
        flags.iter().filter(|flag| !known.contains(&flag.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}: is it a secret?");
    assert!(flags.contains("--password-stdin") && flags.contains("--staff-token"), "{flags:?}");
}

/// Signs in at the console, once with a wrong password; gives what must not be told of it.
fn sign_in(place: &Place, api: &str, order_id: &str) -> Vec<String> {
    let demo = std::fs::read_to_string(place.path().join(".seungin/demo.json")).unwrap();
    let demo: Value = serde_json::from_str(&demo).unwrap();
    let passwords =
        demo["staff"].as_array().unwrap().iter().filter_map(|member| member["password"].as_str());
    let passwords: Vec<&str> = passwords.collect();
    assert_eq!(passwords.len(), 3);
    let mut secrets = Vec::new();
    for (password, status) in [("guessedpassword", 422), (passwords[2], 303)] {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let fields = format!("login=master&password={password}");
        let url = format!("{api}/console/sign-in");
        let answer = exchange(Method::POST, &url, &form, Some(fields));
        assert_eq!(answer.status, status);
        if let Some(cookie) = answer.header("set-cookie") {
            let session = cookie.split([';', '=']).nth(1).unwrap().to_owned();
            let page = exchange(
                Method::GET,
                &format!("{api}/console/orders/{order_id}"),
                &[("cookie", cookie)],
                None,
            );
            let proof = page.text.split_once("name=\"proof\" value=\"").unwrap().1[..64].to_owned();
            secrets.extend([session, proof]);
        }
    }
    secrets.extend(passwords.into_iter().map(str::to_owned));
    secrets
}

/// Waits until the order is like this.
fn wait_for(path: &str, access: &str, status: &str) {
    let began = std::time::Instant::now();
    loop {
        let (_, view) = http::get(&format!("{path}?wait=5"), Some(access));
        if view["status"] == status {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{status} is waited for: {view}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// A customer with something to hide confirms a payment; gives the order's id, its token and the payment's key.
fn pay(api: &str, simulator: &str, method: &str, status: &str) -> (String, String, String) {
    let customer = json!({"name": "비밀이", "email": "hush@example.com", "phone": "01098765432"});
    let (order_id, access) = http::order_of(api, &customer);
    let payment_key = http::authenticate_by(method, simulator, &order_id);
    let body = json!({"paymentKey": payment_key, "amount": 22_000});
    let path = format!("{api}/v1/orders/{order_id}");
    assert_eq!(http::post(&format!("{path}/confirm"), Some(&access), &body).0, 202);
    wait_for(&path, &access, status);
    (order_id, access, payment_key)
}

/// The master gives the money back.
fn cancel(place: &Place, path: &str, access: &str, body: &Value) {
    let (key, master) = ([("idempotency-key", path)], place.master_token());
    let asked = format!("{path}/cancels");
    let (status, answer) = http::send_with(Method::POST, &asked, Some(&master), &key, Some(body));
    assert_eq!(status, 202, "{answer}");
    wait_for(path, access, "cancelled");
}

/// A deposit is paid and refunded to an account, which goes through the database and out to Toss.
fn refund_to_an_account(place: &Place, api: &str, simulator: &str) -> Vec<String> {
    let method = "VIRTUAL_ACCOUNT";
    let (order_id, access, payment_key) = pay(api, simulator, method, "waiting_for_deposit");
    let deposit = format!("{simulator}/_sim/payments/{payment_key}/deposit");
    assert_eq!(exchange(Method::POST, &deposit, &[], None).status, 200);
    let path = format!("{api}/v1/orders/{order_id}");
    wait_for(&path, &access, "paid");
    let account = json!({"bankCode": "20", "accountNumber": "9998887776", "holderName": "비밀이"});
    cancel(place, &path, &access, &json!({"reason": "because", "refundAccount": account}));
    vec![access, payment_key]
}

/// Everything that customers and staff do, with everything that must not be told.
fn live_through_a_day(place: &Place, running: &Running) -> Vec<String> {
    let (api, simulator) = (&running.api, running.simulator.as_deref().unwrap());
    let mut secrets =
        vec![place.master_token(), BASIC.to_owned(), "test_sk_seungin_simulator".to_owned()];
    place.run(&["try", "--api", api, "--json"]).expect(0);
    place.run(&["try", "--api", api, "--json", "--decline", "REJECT_CARD_COMPANY"]).expect(0);

    let (order_id, access, payment_key) = pay(api, simulator, "CARD", "paid");
    let path = format!("{api}/v1/orders/{order_id}");
    let (_, view) = http::get(&path, Some(&access));
    let ticket = view["ticket"].as_str().unwrap().to_owned();
    assert_eq!(http::get(&format!("{path}?ticket={ticket}"), None).0, 200);
    cancel(place, &path, &access, &json!({"reason": "because"}));
    secrets.extend(refund_to_an_account(place, api, simulator));

    let webhook = json!({"createdAt": "2026-11-27T12:18:14.000", "secret": "ps_hush", "status": "DONE", "orderId": order_id});
    assert_eq!(http::post(&format!("{api}/v1/webhooks/toss"), None, &webhook).0, 200);
    for path in ["/checkout/success", "/checkout/fail"] {
        let query = format!(
            "token=cot_guessedtoken.{order_id}&paymentKey=hushhush&orderId={order_id}&amount=1&code=X"
        );
        let url = format!("{api}{path}?{query}");
        assert_eq!(exchange(Method::GET, &url, &[], None).status, 303, "{url}");
    }
    assert_eq!(http::get(&format!("{path}?ticket=otk_guessedticket"), None).0, 404);
    assert_eq!(http::get(&path, Some("sst_guessedtoken")).0, 401);

    secrets.extend(sign_in(place, api, &order_id));
    let known = [
        "oat_",
        "cot_",
        "otk_",
        "sst_",
        "guessed",
        "hushhush",
        "ps_hush",
        "hush@example.com",
        "01098765432",
        "비밀이",
        "9998887776",
        "와우산로",
        "$argon2",
        "uthorization",
        "Bearer ",
    ];
    secrets.extend(known.map(str::to_owned));
    secrets.extend([access, ticket, payment_key]);
    secrets
}

#[test]
fn at_the_loudest_level_the_log_of_a_whole_day_has_no_secret_in_it() {
    let token_key = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2";
    let place = Place::new();
    for format in ["json", "pretty"] {
        let variables =
            [("SEUNGIN__SECURITY__TOKEN_KEY", token_key), ("SEUNGIN__LOG__FORMAT", format)];
        let running = place.start_as(&["--log", "trace"], &variables);
        let secrets = live_through_a_day(&place, &running);
        let log = running.stop().expect(0).stderr;
        for line in
            ["answered", "settled", "called Toss", "connecting to", "could not be signed in"]
        {
            assert!(log.contains(line), "{line} is not in the log of {format}");
        }
        for secret in secrets.iter().chain([&token_key.to_owned()]) {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{secret} is in the log: {line:?}");
        }
    }
}

/// A text that tries to end its line, to begin another one, and to colour or move what a terminal shows.
fn forged() -> String {
    format!(
        "X\r\n2026-11-27T00:00:00Z ERROR {LINE}\u{1b}[31m\u{1b}]0;title\u{7}\u{9b}1A\u{2028}\u{202e}\u{0}\",\"level\":\"ERROR\"}}"
    )
}

/// That a log has lines of ours only, and nothing that a terminal would obey.
fn assert_plain(log: &str, format: &str) {
    assert!(!log.is_empty());
    for line in log.split('\n').filter(|line| !line.is_empty()) {
        let is_ours = match format {
            "json" => {
                serde_json::from_str::<Value>(line).is_ok_and(|line| line["timestamp"].is_string())
            }
            // An instant, a level, and what is said.
            _ => line.get(..2).is_some_and(|year| year == "20") && line.get(10..11) == Some("T"),
        };
        assert!(is_ours, "{format}: {line:?}");
        assert!(!line.contains(|c: char| c.is_control()), "{format}: {line:?}");
        assert!(!line.starts_with("2026-11-27T00:00:00Z ERROR"), "{format}: {line:?}");
    }
}

/// Writes it wherever anybody can write something.
fn write_everywhere(api: &str, order_id: &str) {
    let text = forged();
    let bodies = [
        (
            "/v1/orders",
            json!({"storeId": text, "items": [{"productId": text, "quantity": 1}], "amount": 1, text.clone(): text}),
        ),
        ("/v1/quotes", json!({"storeId": text, "items": []})),
        (
            "/v1/webhooks/toss",
            json!({"eventType": text, "createdAt": text, "data": {"orderId": order_id, "paymentKey": text, "status": text}}),
        ),
        (
            "/v1/webhooks/toss",
            json!({"createdAt": text, "secret": text, "status": "DONE", "orderId": order_id, "transactionKey": text}),
        ),
    ];
    for (path, body) in bodies {
        http::post(&format!("{api}{path}"), None, &body);
    }
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in [
        "v1/orders/",
        "checkout/fail?token=",
        "checkout/fail?code=",
        "console/",
        "console/sign-in?next=",
        "nowhere/",
        "shop/",
    ] {
        exchange(Method::GET, &format!("{api}/{path}{encoded}"), &[], None);
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    exchange(
        Method::POST,
        &format!("{api}/console/sign-in"),
        &form,
        Some(format!("login={encoded}&password={encoded}")),
    );
    let headers = [
        ("user-agent", "a\u{9b}31m"),
        ("x-request-id", "a\u{9b}31m"),
        ("traceparent", "00-\u{9b}"),
        ("x-forwarded-for", "\u{9b}31m"),
        ("referer", "\u{9b}31m"),
        ("tosspayments-webhook-transmission-id", "\u{9b}31m"),
    ];
    exchange(Method::POST, &format!("{api}/v1/webhooks/toss"), &headers, Some("{}".to_owned()));
}

#[test]
fn nobody_writes_lines_of_their_own_into_the_log() {
    let body = json!({"code": forged(), "message": forged()}).to_string();
    let mut answer = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n".to_vec();
    // Toss's name of the exchange, with what a header may have in it.
    answer.extend(b"x-tosspayments-trace-id: \x9b31m\xc2\x9b31m\r\n");
    answer.extend(format!("content-length: {}\r\n\r\n{body}", body.len()).into_bytes());
    let toss = Answering::start(answer);
    for format in ["json", "pretty"] {
        let place = Place::new();
        let keys = [
            ("TOSS_SECRET_KEY", "test_sk_HUSHHUSH"),
            ("TOSS_CLIENT_KEY", "test_ck_mine"),
            ("SEUNGIN__TOSS__BASE_URL", toss.url.as_str()),
            ("SEUNGIN__LOG__FORMAT", format),
        ];
        let running = place.start_as(&["--log", "trace"], &keys);
        let api = running.api.clone();
        let (order_id, access) = http::order(&api);
        let body = json!({"paymentKey": "key-of-nobody", "amount": 22_000});
        let path = format!("{api}/v1/orders/{order_id}");
        assert_eq!(http::post(&format!("{path}/confirm"), Some(&access), &body).0, 202);
        let began = std::time::Instant::now();
        while toss.count() == 0 {
            assert!(began.elapsed() < PATIENCE, "Toss is called");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        http::get(&format!("{path}?wait=2"), Some(&access));
        write_everywhere(&api, &order_id);
        let log = running.stop().expect(0).stderr;
        assert!(log.contains("called Toss") && log.contains("http_status"), "{log}");
        assert_plain(&log, format);
        assert!(!log.contains("HUSHHUSH") && !log.contains("dGVzdF9za19IVVNI"), "{log}");
    }
}
